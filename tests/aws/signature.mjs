// Version 4 of the services' signatures, as a server checks it: the signature is computed again from
// what has arrived.
import { createHash, createHmac } from "node:crypto";

const sha256 = (data) => createHash("sha256").update(data).digest("hex");
const hmac = (key, data) => createHmac("sha256", key).update(data).digest();

const encoded = (text) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => "%" + c.charCodeAt(0).toString(16).toUpperCase());

function canonicalQuery(url) {
  return [...url.searchParams]
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .sort()
    .join("&");
}

const refused = (type, message) => ({ type, message });

/// What is wrong with the signature of a request, as {type, message}; nothing where it is right.
/// `account` has region, accessKey, secretKey and sessionToken (or undefined); `now` is a Date.
export function signatureProblem(request, body, service, account, now) {
  const { headers } = request;
  if (headers.authorization === undefined)
    return refused("MissingAuthenticationTokenException", "Missing Authentication Token");
  const parts = /^AWS4-HMAC-SHA256 +(.*)$/.exec(headers.authorization);
  const fields = Object.fromEntries(
    (parts?.[1] ?? "").split(",").map((field) => field.trim().split(/=(.*)/s).slice(0, 2)),
  );
  const scope = (fields.Credential ?? "").split("/");
  const date = headers["x-amz-date"] ?? "";
  const time = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date);
  if (scope.length !== 5 || !fields.SignedHeaders || !/^[0-9a-f]{64}$/.test(fields.Signature) || !time)
    return refused("IncompleteSignatureException", "Credential, SignedHeaders, Signature or X-Amz-Date");

  const [accessKey, day, region, signedService, terminator] = scope;
  if (accessKey !== account.accessKey || headers["x-amz-security-token"] !== account.sessionToken)
    return refused("UnrecognizedClientException", "The security token included in the request is invalid.");
  if (region !== account.region || signedService !== service || terminator !== "aws4_request" ||
      day !== date.slice(0, 8))
    return refused("InvalidSignatureException",
                   `Credential should be scoped to ${date.slice(0, 8)}/${account.region}/${service}/aws4_request`);
  const [, year, month, dayOfMonth, hour, minute, second] = time.map(Number);
  const age = now - Date.UTC(year, month - 1, dayOfMonth, hour, minute, second);
  if (Math.abs(age) > 15 * 60_000)
    return refused("InvalidSignatureException", `Signature expired: ${date}`);

  const signed = fields.SignedHeaders.split(";");
  const wanted = Object.keys(headers).filter((name) => name === "host" || name.startsWith("x-amz-"));
  const unsigned = wanted.filter((name) => !signed.includes(name));
  if (unsigned.length > 0 || !signed.includes("host") || signed.join() !== [...signed].sort().join())
    return refused("InvalidSignatureException", `These headers have to be signed, in order: ${wanted}`);
  const payload = sha256(body);
  if ((headers["x-amz-content-sha256"] ?? payload) !== payload)
    return refused("InvalidSignatureException", "X-Amz-Content-SHA256 is of another body");

  const url = new URL(request.url, "http://server");
  const canonical = [
    request.method, url.pathname, canonicalQuery(url),
    ...signed.map((name) => `${name}:${(headers[name] ?? "").trim().replace(/ +/g, " ")}`), "",
    fields.SignedHeaders, payload,
  ].join("\n");
  const text = ["AWS4-HMAC-SHA256", date, scope.slice(1).join("/"), sha256(canonical)].join("\n");
  const key = scope.slice(1).reduce(hmac, "AWS4" + account.secretKey);
  if (hmac(key, text).toString("hex") !== fields.Signature)
    return refused("InvalidSignatureException",
                   `The request signature we calculated does not match. The canonical string is\n${canonical}`);
  return undefined;
}
