// Runs a program beside a broker of Apache Kafka, which is its controller, too:
//
//   node run_broker.mjs --packages DIR -- PROGRAM ARGUMENT...
//
//   --packages DIR     where the broker's jars are installed to, by Maven; may be removed
//
// The program finds the broker by LOCAL_KAFKA, and what a member of a group should set, so
// that a rebalance is soon done, by LOCAL_KAFKA_SETTINGS. Its exit code is passed on. Topics are made
// as they are written to, with 8 partitions. What is missing is told by a line that begins with
// "SKIPPED: ".
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const here = path.dirname(fileURLToPath(import.meta.url));

function skip(reason) {
  console.log(`SKIPPED: ${reason}`);
  process.exit(0);
}

/// Installs the jars of pom.xml below `root`, if they are not there yet. They come to their place
/// complete, so that runs at the same time do not meet.
function install(root) {
  const pom = path.join(here, "pom.xml");
  const place = path.join(root, createHash("sha256").update(fs.readFileSync(pom)).digest("hex").slice(0, 12));
  if (fs.existsSync(place)) return place;
  fs.mkdirSync(root, { recursive: true });
  const work = fs.mkdtempSync(path.join(root, "new-"));
  const mvn = spawnSync(
    "mvn",
    ["--batch-mode", "--quiet", "-Dstyle.color=never", "--no-transfer-progress", "--file", pom,
     "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies", `-DoutputDirectory=${work}`],
    { encoding: "utf8", timeout: 300_000 },
  );
  if (mvn.status !== 0) {
    fs.rmSync(work, { recursive: true });
    if (mvn.error?.code === "ENOENT") skip("mvn, which gets the broker, is not installed");
    const complaint = `${mvn.stdout}${mvn.stderr}`.trim() || String(mvn.error ?? mvn.signal);
    if (/could not transfer|unknown host|unresolvable|name resolution|connect|unreachable|timed out|ETIMEDOUT/i.test(complaint))
      skip(`mvn does not get the broker: ${complaint.split("\n")[0]}`);
    console.error(complaint);
    process.exit(1);
  }
  try {
    fs.renameSync(work, place);
  } catch {
    fs.rmSync(work, { recursive: true });
  }
  return place;
}

/// Ports that nobody listens at. Another process may take one before the broker does; then it ends,
/// and says so.
async function free_ports(count) {
  const servers = Array.from({ length: count }, () => net.createServer());
  const ports = [];
  for (const server of servers) {
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    ports.push(server.address().port);
  }
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

function answers(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1");
    socket.on("connect", () => { socket.destroy(); resolve(true); });
    socket.on("error", () => resolve(false));
  });
}

const { values: options, positionals: program } = parseArgs({
  allowPositionals: true,
  args: process.argv.slice(2),
  options: { packages: { type: "string", default: path.join(os.tmpdir(), "sessionize-kafka-broker") } },
});
if (program.length === 0) {
  console.error("run_broker.mjs: no program to run");
  process.exit(2);
}
if (spawnSync("java", ["-version"]).status !== 0) skip("java, which runs the broker, is not installed");
const jars = install(path.resolve(options.packages));

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "kafka_broker_"));
const [port, controller] = await free_ports(2);
const properties = path.join(folder, "server.properties");
fs.writeFileSync(properties, `
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${controller}
listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}
advertised.listeners=PLAINTEXT://127.0.0.1:${port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs=${path.join(folder, "data")}
num.partitions=8
auto.create.topics.enable=true
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=500
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
num.network.threads=2
num.io.threads=2
log.cleaner.enable=false
`);
// The serial collector and the first compiler alone: less to start.
const java = ["-Xmx320m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
              "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp", path.join(jars, "*")];

// Sixteen bytes, always the same: of random ones every 64th name begins like an option.
const cluster = Buffer.from("sessionize tests").toString("base64url");
const formatted = spawnSync(
  "java", [...java, "kafka.tools.StorageTool", "format", "--cluster-id", cluster, "--config", properties],
  { encoding: "utf8" });
if (formatted.status !== 0) {
  console.error(formatted.stdout + formatted.stderr);
  process.exit(1);
}
const broker = spawn("java", [...java, "kafka.Kafka", properties], { stdio: ["ignore", "ignore", "inherit"] });
const ended = new Promise((resolve) => broker.on("exit", resolve));
let running = true;
ended.then(() => { running = false; });

async function end(code) {
  broker.kill("SIGKILL");
  await ended;
  fs.rmSync(folder, { recursive: true });
  process.exit(code);
}

for (const deadline = Date.now() + 60_000; !(await answers(port)); await sleep(50)) {
  if (running && Date.now() < deadline) continue;
  console.error("run_broker.mjs: the broker does not start");
  await end(1);
}
const child = spawn(program[0], program.slice(1), {
  stdio: "inherit",
  env: { ...process.env, LOCAL_KAFKA: `127.0.0.1:${port}`, LOCAL_KAFKA_SETTINGS: "session.timeout.ms=1500" },
});
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
child.on("error", (problem) => {
  console.error(`run_broker.mjs: ${problem.message}`);
  end(2);
});
child.on("exit", (code, signal) => end(code ?? 128 + os.constants.signals[signal]));
