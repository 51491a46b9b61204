// Starts emulators of Kinesis and DynamoDB, and the proxy in front of them.
import { spawn } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { startProxy } from "./proxy.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));

const emulators = {
  // `asked` is the port that it would listen at: kinesis-local listens at two, the other with TLS.
  kinesalite: { script: "kinesalite/cli.js", args: ["--createStreamMs", "50", "--updateStreamMs", "50", "--shardLimit", "100"], asked: 4567 },
  "kinesis-local": {
    script: "kinesis-local/main.js", args: [], asked: 4568,
    env: { LOG_LEVEL: "ERROR", CREATE_STREAM_DURATION: "50ms", SPLIT_SHARD_DURATION: "50ms", MERGE_SHARDS_DURATION: "50ms" },
  },
  dynalite: { script: "dynalite/cli.js", args: ["--createTableMs", "50"], asked: 4567 },
};
export const kinesisEmulators = ["kinesis-local", "kinesalite"];

export const account = {
  accessKey: "AKIDLOCAL",
  secretKey: "local/secret+key=",
  sessionToken: undefined,
  region: "us-west-2",
};

function startEmulator(name, packages) {
  const { script, args, asked, env } = emulators[name];
  const file = path.join(packages, "node_modules", script);
  const child = spawn(process.execPath, ["--import", path.join(here, "loopback.mjs"), file, ...args], {
    // Where it looks for its certificate.
    cwd: path.dirname(file),
    env: { ...process.env, ...env },
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  return new Promise((resolve, reject) => {
    child.on("message", (message) => message.asked === asked && resolve({ port: message.port, child }));
    child.on("exit", (code) => reject(new Error(`${name} ended with ${code}`)));
  });
}

/// Starts all, from `packages`, a folder with node_modules. `kinesis` names its emulator; `faults`
/// and `limits` are the proxy's. Returns {environment, stats, close}.
export async function startServers({ packages, kinesis, faults, limits }) {
  const [stream, table] = await Promise.all([startEmulator(kinesis, packages), startEmulator("dynalite", packages)]);
  const proxy = await startProxy({
    backends: { kinesis: stream.port, dynamodb: table.port }, account, faults, limits,
  });
  return {
    /// What a program needs to use them; LOCAL_*_URL go past the proxy.
    environment: {
      AWS_ENDPOINT_URL: `http://127.0.0.1:${proxy.port}`,
      AWS_REGION: account.region,
      AWS_DEFAULT_REGION: account.region,
      AWS_ACCESS_KEY_ID: account.accessKey,
      AWS_SECRET_ACCESS_KEY: account.secretKey,
      LOCAL_KINESIS: kinesis,
      LOCAL_KINESIS_URL: `http://127.0.0.1:${stream.port}`,
      LOCAL_DYNAMODB_URL: `http://127.0.0.1:${table.port}`,
      NO_PROXY: "127.0.0.1",
      no_proxy: "127.0.0.1",
    },
    stats: proxy.stats,
    close() {
      proxy.close();
      stream.child.kill();
      table.child.kill();
    },
  };
}
