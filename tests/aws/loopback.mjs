// Loaded into an emulator before it: whatever it wants to listen at becomes a free port of
// 127.0.0.1, which is told to the parent, and the emulator does not outlive the parent.
import net from "node:net";

const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (asked, ...rest) {
  const done = rest.find((value) => typeof value === "function");
  return listen.call(this, 0, "127.0.0.1", function () {
    process.send({ asked: Number(asked), port: this.address().port });
    done?.call(this);
  });
};
process.on("disconnect", () => process.exit());
