// A server in front of the emulators that is as strict and as unreliable as the real services: it
// checks signatures, keeps GetRecords to its limit where it is told to, and injects faults, at random
// at a rate or by a script. What it did can be asked for.
//
//   GET  /__stats            counts: requests and answers by operation, faults by kind
//   GET  /__log              the last 10,000 requests: {operation, fault, status, executed}
//   POST /__faults           {rate, seed, kinds, script}, each optional. `script` is a list of
//                            {operation, fault} (operation "*": any): the first that matches a
//                            request is taken off the list and happens to it, before any by chance.
import http from "node:http";

import { signatureProblem } from "./signature.mjs";

const MAX_BODY = 32 << 20;
const MAX_LOG = 10_000;

const services = {
  Kinesis_20131202: { name: "kinesis", prefix: "" },
  DynamoDB_20120810: { name: "dynamodb", prefix: "com.amazonaws.dynamodb.v20120810#" },
};

/// What can happen, and to which operations (any where nothing is said).
export const faultKinds = {
  throttled: {},
  internal_error: {},
  unavailable: {},
  dropped_before: {}, // the connection ends, and nothing was done
  dropped_after: {}, // all was done, and the connection ends without an answer
  cut: {}, // all was done, and half of the answer comes
  delayed: {},
  expired_iterator: { operations: ["GetRecords"] },
  partial: { operations: ["PutRecords"] },
  unprocessed: { operations: ["BatchWriteItem"] },
};

/// Numbers in [0, 1), the same for the same seed (mulberry32).
export function seeded(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

class Faults {
  constructor(settings) {
    this.set({ rate: 0, seed: 1, kinds: Object.keys(faultKinds), script: [], ...settings });
  }
  set({ rate, seed, kinds, script }) {
    if (rate !== undefined) this.rate = rate;
    if (seed !== undefined) this.random = seeded(seed);
    if (kinds !== undefined) this.kinds = kinds;
    if (script !== undefined) this.script = [...script];
  }
  next(operation) {
    const at = this.script.findIndex((step) => step.operation === operation || step.operation === "*");
    if (at >= 0) return this.script.splice(at, 1)[0].fault;
    if (this.random() >= this.rate) return undefined;
    const possible = this.kinds.filter((kind) => faultKinds[kind].operations?.includes(operation) ?? true);
    return possible[Math.floor(this.random() * possible.length)];
  }
  /// Splits a list: some of it held back, one at least, and the others.
  holdBack(list) {
    const held = list.map(() => this.random() < 0.5);
    if (!held.includes(true)) held[Math.floor(this.random() * list.length)] = true;
    return held;
  }
}

/// GetRecords is refused where a shard was asked five times within the last second.
class ReadLimit {
  shards = new Map(); // of iterators
  asked = new Map();

  refuses(iterator, now) {
    const shard = this.shards.get(iterator);
    if (shard === undefined) return false;
    const recent = (this.asked.get(shard) ?? []).filter((time) => now - time < 1000);
    this.asked.set(shard, recent);
    if (recent.length >= 5) return true;
    recent.push(now);
    return false;
  }
  learn(operation, request, answer) {
    if (operation === "GetShardIterator")
      this.shards.set(answer.ShardIterator, `${request.StreamName}/${request.ShardId}`);
    if (operation === "GetRecords" && answer.NextShardIterator)
      this.shards.set(answer.NextShardIterator, this.shards.get(request.ShardIterator));
  }
}

function read(stream) {
  return new Promise((resolve, reject) => {
    const parts = [];
    let size = 0;
    stream.on("data", (part) => {
      size += part.length;
      if (size > MAX_BODY) stream.destroy(new Error("too long"));
      else parts.push(part);
    });
    stream.on("end", () => resolve(Buffer.concat(parts)));
    stream.on("error", reject);
  });
}

/// Starts the proxy at a free port of 127.0.0.1. `backends` gives the port of each service by its
/// name, `account` is what requests have to be signed for, `faults` as for /__faults, and `limits`
/// says whether GetRecords is limited. Returns {port, stats, close}.
export async function startProxy({ backends, account, faults = {}, limits = false }) {
  const chance = new Faults(faults);
  const readLimit = new ReadLimit();
  const agent = new http.Agent({ keepAlive: true });
  const stats = { requests: 0, refused_signatures: 0, limited: 0, operations: {}, faults: {} };
  const log = [];

  function forward(service, headers, body) {
    return new Promise((resolve, reject) => {
      const request = http.request(
        { host: "127.0.0.1", port: backends[service.name], method: "POST", path: "/", agent,
          headers: { ...headers, "content-length": body.length, connection: "keep-alive" } },
        async (answer) => {
          try {
            resolve({ status: answer.statusCode, type: answer.headers["content-type"], body: await read(answer) });
          } catch (problem) {
            reject(problem);
          }
        },
      );
      request.on("error", reject);
      request.end(body);
    });
  }

  /// PutRecords or BatchWriteItem of which some part is not done; the emulator sees the others.
  async function inPart(operation, service, headers, request) {
    const send = (content) => forward(service, headers, Buffer.from(JSON.stringify(content)));
    if (operation === "PutRecords") {
      const held = chance.holdBack(request.Records);
      const rest = request.Records.filter((_, at) => !held[at]);
      const done = rest.length > 0 ? await send({ ...request, Records: rest }) : undefined;
      if (done !== undefined && done.status !== 200) return done;
      const taken = done === undefined ? [] : JSON.parse(done.body).Records;
      const Records = held.map((isHeld, at) => !isHeld ? taken.shift() :
        at % 2 === 0 ? { ErrorCode: "ProvisionedThroughputExceededException", ErrorMessage: "Rate exceeded" }
                     : { ErrorCode: "InternalFailure", ErrorMessage: "Internal Service Failure" });
      const FailedRecordCount = Records.filter((record) => record.ErrorCode).length;
      return { status: 200, type: headers["content-type"],
               body: Buffer.from(JSON.stringify({ FailedRecordCount, Records })) };
    }
    const [[table, items]] = Object.entries(request.RequestItems);
    const held = chance.holdBack(items);
    // The service throttles the call instead where it can do nothing of it.
    held[Math.floor(chance.random() * items.length)] = false;
    const rest = items.filter((_, at) => !held[at]);
    const done = await send({ ...request, RequestItems: { [table]: rest } });
    if (done.status !== 200) return done;
    const UnprocessedItems = { [table]: items.filter((_, at) => held[at]) };
    return { ...done, body: Buffer.from(JSON.stringify({ ...JSON.parse(done.body), UnprocessedItems })) };
  }

  function control(request, response, body) {
    const answers = { "GET /__stats": () => stats, "GET /__log": () => log,
                      "POST /__faults": () => (chance.set(JSON.parse(body)), {}) };
    const answer = answers[`${request.method} ${request.url}`];
    response.writeHead(answer === undefined ? 404 : 200, { "content-type": "application/json" });
    response.end(JSON.stringify(answer?.() ?? {}));
  }

  async function serve(request, response) {
    const body = await read(request);
    if (request.url.startsWith("/__")) return control(request, response, body);

    const [target, operation] = (request.headers["x-amz-target"] ?? "").split(".");
    const service = services[target];
    const type = request.headers["content-type"];
    const entry = { operation };
    stats.requests += 1;
    log.push(entry);
    if (log.length > MAX_LOG) log.shift();
    const counts = (stats.operations[operation] ??= { requests: 0, executed: 0 });
    counts.requests += 1;

    function answer(status, content, contentType = type) {
      entry.status = status;
      response.writeHead(status, { "content-type": contentType, "content-length": Buffer.byteLength(content) });
      response.end(content);
    }
    const error = (status, name, message) =>
      answer(status, JSON.stringify({ __type: service.prefix + name, message }));

    if (service === undefined)
      return answer(400, JSON.stringify({ __type: "UnknownOperationException" }));
    const problem = signatureProblem(request, body, service.name, account, new Date());
    if (problem !== undefined) {
      stats.refused_signatures += 1;
      return error(403, problem.type, problem.message);
    }

    let content = {};
    try {
      content = JSON.parse(body);
    } catch {
      return error(400, "SerializationException", "The body is not JSON");
    }
    if (limits && operation === "GetRecords" && readLimit.refuses(content.ShardIterator, Date.now())) {
      stats.limited += 1;
      return error(400, "ProvisionedThroughputExceededException", "Rate exceeded for shard");
    }

    const fault = chance.next(operation);
    if (fault !== undefined) {
      entry.fault = fault;
      stats.faults[fault] = (stats.faults[fault] ?? 0) + 1;
    }
    const exceeded = ["PutRecords", "GetRecords", "PutItem", "BatchWriteItem", "GetItem", "Scan"];
    switch (fault) {
      case "throttled":
        if (!exceeded.includes(operation) || (operation === "GetRecords" && chance.random() < 0.5))
          return error(400, "LimitExceededException", "Rate exceeded");
        return error(400, "ProvisionedThroughputExceededException", "Rate exceeded");
      case "internal_error": return error(500, "InternalServerError", "Internal Service Failure");
      case "unavailable": return answer(503, "<ServiceUnavailable/>\n", "text/xml");
      case "expired_iterator": return error(400, "ExpiredIteratorException", "Iterator expired.");
      case "dropped_before": return request.socket.destroy();
      case "delayed": await new Promise((done) => setTimeout(done, 5 + chance.random() * 45)); break;
    }

    const inParts = fault === "partial" || fault === "unprocessed";
    const done = inParts ? await inPart(operation, service, request.headers, content)
                         : await forward(service, request.headers, body);
    counts.executed += 1;
    entry.executed = true;
    if (limits && done.status === 200 && done.body.length > 0)
      readLimit.learn(operation, content, JSON.parse(done.body));
    if (fault === "dropped_after") return request.socket.destroy();
    if (fault === "cut") {
      response.writeHead(done.status, { "content-type": done.type ?? type, "content-length": done.body.length + 1 });
      response.write(done.body.subarray(0, done.body.length / 2), () => request.socket.destroy());
      return undefined;
    }
    return answer(done.status, done.body, done.type ?? type);
  }

  const server = http.createServer((request, response) => {
    serve(request, response).catch((problem) => {
      // A client that went away, or an emulator that did: to the client both are a lost connection.
      stats.faults.broken = (stats.faults.broken ?? 0) + 1;
      stats.last_problem = String(problem);
      request.socket.destroy();
    });
  });
  server.keepAliveTimeout = 60_000;
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: server.address().port,
    stats,
    close() {
      server.close();
      server.closeAllConnections();
      agent.destroy();
    },
  };
}
