// Drives clients, right and wrong ones, through the official MCP conformance suite's complete flow and through
// Crosscheck's scenario of the same name, and compares how they were started and the two checks.json, element by
// element. One line a client; exits 1 on any difference. An argument selects the clients that contain it.

import { execFile, execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { isDeepStrictEqual } from "node:util";
import { join } from "node:path";

const SCENARIO = "auth/cross-app-access-complete-flow";
const HERE = "harness/tests/official-suite";
process.chdir(join(import.meta.dirname, "../../.."));

const crosscheck = "target/debug/crosscheck";
const node = `${HERE}/node_modules/node/bin/node`;
const conformance = `${HERE}/node_modules/@modelcontextprotocol/conformance/dist/index.js`;

/** Differences that are meant. One that is not there any more fails as well. */
const MEANT = {
    "clients/go/bin/crosscheck-client-go":
        "the SDK wants PKCE in the IdP's metadata, which is complete with us and bare in the suite",
    [`${crosscheck} reference-client --fault opens-authorization-endpoint`]:
        "a request without redirect_uri is refused with 400; the suite's server breaks down over it",
};

const reference = `${crosscheck} reference-client`;
const slugs = (flag) =>
    execFileSync(crosscheck, ["reference-client", flag], { encoding: "utf8" })
        .trim()
        .split("\n")
        .map((line) => line.split(" ")[0]);
const clients = [
    `${HERE}/environment`,
    reference,
    ...slugs("--list-controls").map((slug) => `${reference} --control ${slug}`),
    ...slugs("--list-faults").map((slug) => `${reference} --fault ${slug}`),
    "node clients/typescript/main.mjs",
    "clients/python/.venv/bin/python clients/python/main.py",
    "clients/rust/target/debug/crosscheck-client-rust",
    "clients/go/bin/crosscheck-client-go",
].filter((client) => client.includes(process.argv[2] ?? ""));

const reports = mkdtempSync(join(tmpdir(), "official-suite-"));
const counts = { passed: 0, failed: 0 };
const waiting = [...clients.entries()];
const work = async () => {
    for (let next; (next = waiting.shift()); ) {
        const [number, client] = next;
        const differences = await compare(client, join(reports, `${number}`));
        const meant = MEANT[client];
        if (meant && !differences.length) differences.push(`no difference any more: ${meant}`);
        else if (meant) differences.length = 0;
        counts[differences.length ? "failed" : "passed"]++;
        console.log([`${differences.length ? "FAIL" : "ok  "}  ${client}`, ...differences].join("\n      "));
    }
};
await Promise.all(Array.from({ length: availableParallelism() }, work));
rmSync(reports, { recursive: true });
console.log(`${counts.passed} passed, ${counts.failed} failed`);
process.exitCode = counts.failed || !counts.passed ? 1 : 0;

async function compare(client, folder) {
    const [official, ours] = await Promise.all([byOfficial(client, `${folder}/official`), byOurs(client, `${folder}/ours`)]);
    if (typeof ours === "string") return [ours];
    const differences = [];
    const length = Math.max(official.checks.length, ours.checks.length);
    for (let at = 0; at < length && differences.length < 3; at++)
        if (official.checks[at] !== ours.checks[at])
            differences.push(`element ${at}: official ${official.checks[at]}, ours ${ours.checks[at]}`);
    for (const [name, value] of Object.entries(official.start))
        if (!isDeepStrictEqual(ours.start[name], value)) differences.push(`${name}: official ${value}, ours ${ours.start[name]}`);
    return differences;
}

async function byOfficial(client, folder) {
    const command = [conformance, "client", "--command", client, "--scenario", SCENARIO, "-o", folder];
    // Newer releases of the suite tell the revision; Crosscheck does too.
    await run(node, command, { ...process.env, MCP_CONFORMANCE_PROTOCOL_VERSION: "2025-11-25" });
    return read(join(folder, "auth", readdirSync(join(folder, "auth"))[0]));
}

async function byOurs(client, folder) {
    const command = ["run", "--exact", SCENARIO, "--report", folder, "--", ...client.split(" ")];
    const told = await run(crosscheck, command, process.env);
    const report = join(folder, SCENARIO);
    return existsSync(report) ? read(report) : told;
}

/** What a program says; a client that fails makes both runners fail, and that is no news here. */
function run(program, command, env) {
    return new Promise((done) => execFile(program, command, { env, maxBuffer: 1 << 24 }, (_, out, err) => done(out + err)));
}

function read(report) {
    const file = (name) => readFileSync(join(report, name), "utf8");
    const checks = JSON.parse(file("checks.json"));
    return { checks: checks.map(essence), start: start(file("stdout.txt")) };
}

/** A check by id, name and status; what was recorded of HTTP by its description, which holds the method, path and status. */
function essence({ id, name, status, description }) {
    return `${id} (${name}) ${status}` + (status === "INFO" ? `: ${description}` : "");
}

/** How the client `environment` says that it was started. */
function start(stdout) {
    const lines = stdout.split("\n").map((line) => line.match(/^(\w+)=(.*)$/)).filter(Boolean);
    const start = {};
    for (const [, name, value] of lines) {
        if (name === "MCP_CONFORMANCE_CONTEXT") start[name] = Object.keys(JSON.parse(value)).sort().join();
        else if (name === "url") start[name] = value.replace(/\/\/[^/]*/, "//server");
        else start[name] = value;
    }
    return start;
}
