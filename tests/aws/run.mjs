// Runs a program beside local servers: node run.mjs [options] [-- PROGRAM ARGUMENT...]
//
//   --packages DIR     where the emulators are installed to, by npm; a folder that may be removed
//   --kinesis NAME     kinesis-local (which ends split shards as the service does) or kinesalite
//   --fault-rate R     how many of the requests a fault happens to, 0 to 1; or FAULT_RATE
//   --seed N           of those faults; or FAULT_SEED
//   --limits           GetRecords is refused where a shard is asked more than five times a second
//
// The program finds the servers by its environment, and its exit code is passed on. Without one, the
// environment is printed, to be put into a shell, and the servers run until they are interrupted.
// What is missing is told by a line that begins with "SKIPPED: ".
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { kinesisEmulators, startServers } from "./servers.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));

function skip(reason) {
  console.log(`SKIPPED: ${reason}`);
  process.exit(0);
}

/// Installs the packages of the lock file below `root`, if they are not there yet. They come to their
/// place complete, so that runs at the same time do not meet.
function install(root) {
  const lock = fs.readFileSync(path.join(here, "package-lock.json"));
  const place = path.join(root, createHash("sha256").update(lock).digest("hex").slice(0, 12));
  if (fs.existsSync(place)) return place;
  fs.mkdirSync(root, { recursive: true });
  const work = fs.mkdtempSync(path.join(root, "new-"));
  for (const file of ["package.json", "package-lock.json"])
    fs.copyFileSync(path.join(here, file), path.join(work, file));
  const npm = spawnSync(
    "npm",
    ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--fetch-retries=2",
     "--fetch-retry-mintimeout=1000", "--fetch-timeout=20000"],
    { cwd: work, encoding: "utf8", timeout: 180_000 },
  );
  if (npm.error?.code === "ENOENT") skip("npm is not installed");
  if (npm.status !== 0) {
    fs.rmSync(work, { recursive: true });
    const complaint = npm.stderr.trim() || String(npm.error ?? npm.signal);
    if (/ETIMEDOUT|ENOTFOUND|EAI_AGAIN|ECONN|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET|network/i.test(complaint))
      skip(`npm has no network: ${complaint.split("\n")[0]}`);
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

const { values: options, positionals: program } = parseArgs({
  allowPositionals: true,
  args: process.argv.slice(2),
  options: {
    packages: { type: "string", default: path.join(os.tmpdir(), "sessionize-local-services") },
    kinesis: { type: "string", default: kinesisEmulators[0] },
    "fault-rate": { type: "string", default: process.env.FAULT_RATE ?? "0" },
    seed: { type: "string", default: process.env.FAULT_SEED ?? "1" },
    limits: { type: "boolean", default: false },
  },
});
if (!kinesisEmulators.includes(options.kinesis)) {
  console.error(`run.mjs: --kinesis is one of ${kinesisEmulators.join(", ")}`);
  process.exit(2);
}
if (Number(process.versions.node.split(".")[0]) < 18) skip(`node ${process.versions.node} is older than 18`);

const faults = { rate: Number(options["fault-rate"]), seed: Number(options.seed) };
const servers = await startServers({
  packages: install(path.resolve(options.packages)), kinesis: options.kinesis, faults, limits: options.limits,
});

function end(code) {
  if (faults.rate > 0) console.error(`faults (rate ${faults.rate}, seed ${faults.seed}): ${JSON.stringify(servers.stats)}`);
  servers.close();
  process.exit(code);
}

if (program.length === 0) {
  for (const [name, value] of Object.entries(servers.environment)) console.log(`export ${name}='${value}'`);
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => end(0));
} else {
  // A profile or a token of the user's own has nothing to do with these servers.
  const { AWS_PROFILE, AWS_SESSION_TOKEN, ...inherited } = process.env;
  const child = spawn(program[0], program.slice(1), {
    stdio: "inherit", env: { ...inherited, ...servers.environment },
  });
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
  child.on("error", (problem) => {
    console.error(`run.mjs: ${problem.message}`);
    end(2);
  });
  child.on("exit", (code, signal) => end(code ?? 128 + os.constants.signals[signal]));
}
