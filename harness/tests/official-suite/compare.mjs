// Drives right and wrong clients through the complete flow of the official MCP conformance suite and through
// Crosscheck's scenario of the same name, and compares what both wrote to checks.json, element by element, and how
// both started the client. One line a client; exits 1 on any difference. An argument selects clients by their text.
// Every name that the suite has for a scenario must be known in a baseline as well.
//
//     cargo build -p crosscheck && npm ci --prefix harness/tests/official-suite
//     node harness/tests/official-suite/compare.mjs

import { execFile, execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";

const SCENARIO = "auth/cross-app-access-complete-flow";
const HERE = "harness/tests/official-suite";
// The suite splits the client's command at blanks, so it is named by paths relative to the checkout.
process.chdir(join(import.meta.dirname, "../../.."));

const crosscheck = "target/debug/crosscheck";
const reference = `${crosscheck} reference-client`;
// The suite does not start on Node 20, so one that it starts on is installed beside it.
const node = `${HERE}/node_modules/node/bin/node`;
const suite = `${HERE}/node_modules/@modelcontextprotocol/conformance/dist/index.js`;

/** Differences that are meant; one that is there no more fails too. */
const MEANT = {
    "clients/go/bin/crosscheck-client-go":
        "it wants PKCE in the metadata of the IdP, which is complete here and has no word of it there",
    [`${reference} --fault opens-authorization-endpoint`]:
        "without redirect_uri the endpoint answers 400 here, and 500 there",
};

const CLIENTS = [
    `${HERE}/environment`,
    reference,
    ...slugs("--list-controls").map((slug) => `${reference} --control ${slug}`),
    ...slugs("--list-faults").map((slug) => `${reference} --fault ${slug}`),
    ...[
        "node clients/typescript/main.mjs",
        "clients/python/.venv/bin/python clients/python/main.py",
        "clients/rust/target/debug/crosscheck-client-rust",
        "clients/go/bin/crosscheck-client-go",
    ].filter(isInstalled),
].filter((client) => client.includes(process.argv[2] ?? ""));

const reports = mkdtempSync(join(tmpdir(), "official-suite-"));
const waiting = [...CLIENTS];
let failed = 0;
await Promise.all([names(), ...Array.from({ length: availableParallelism() }, work)]);
rmSync(reports, { recursive: true });
console.log(`${CLIENTS.length + 1 - failed} passed, ${failed} failed`);
process.exitCode = failed || !CLIENTS.length ? 1 : 0;

async function work() {
    for (let client; (client = waiting.shift()); ) {
        let differences = await compare(client);
        const meant = MEANT[client];
        if (meant) differences = differences.length ? [] : [`no difference any more, though ${meant}`];
        if (differences.length) failed++;
        console.log([`${differences.length ? "FAIL" : "ok"}\t${client}`, ...differences].join("\n\t    "));
    }
}

/** Whether a baseline of all the suite's scenarios for clients can be read. */
async function names() {
    const listed = await run(node, [suite, "list"]);
    const [, clients = ""] = listed.split("Client scenarios");
    const scenarios = [...clients.matchAll(/^  - (\S+)/gm)].map(([, name]) => name);
    const baseline = join(reports, "baseline.yml");
    writeFileSync(baseline, ["client:", ...scenarios.map((name) => `  - ${name}`)].join("\n"));
    const said = await run(crosscheck, ["run", "--exact", "flow/complete", "--expected-failures", baseline]);
    const known = scenarios.includes(SCENARIO) && said.includes("1 passed");
    if (!known) failed++;
    console.log(known ? `ok\t${scenarios.length} names in a baseline` : `FAIL\tnames in a baseline\n${said}`);
}

/** The first differences between the two runs of a client, in words. */
async function compare(client) {
    const folder = mkdtempSync(join(reports, "client-"));
    const [theirs, ours] = await Promise.all([
        officially(client, join(folder, "official")),
        byCrosscheck(client, join(folder, "crosscheck")),
    ]);
    const length = Math.max(theirs.length, ours.length);
    const places = Array.from({ length }, (_, at) => at).filter((at) => theirs[at] !== ours[at]);
    return places.slice(0, 3).map((at) => `official    ${theirs[at]}\n\t    crosscheck  ${ours[at]}`);
}

async function officially(client, folder) {
    // Newer releases of the suite tell the client the revision, as Crosscheck does.
    const env = { ...process.env, MCP_CONFORMANCE_PROTOCOL_VERSION: "2025-11-25" };
    const said = await run(node, [suite, "client", "--command", client, "--scenario", SCENARIO, "-o", folder], env);
    const [report] = existsSync(folder) ? readdirSync(join(folder, "auth")) : [];
    return report ? essence(join(folder, "auth", report)) : [said];
}

async function byCrosscheck(client, folder) {
    const options = ["run", "--exact", SCENARIO, "--report", folder];
    const said = await run(crosscheck, [...options, "--", ...client.split(" ")]);
    const report = join(folder, SCENARIO);
    return existsSync(report) ? essence(report) : [said];
}

/** Both exit 1 when the client fails, so what counts is what they leave behind. */
function run(program, options, env = process.env) {
    return new Promise((done) => execFile(program, options, { env }, (_, out, err) => done(out + err)));
}

/** What must agree of a run: how the client says it was started, then every check in order. */
function essence(report) {
    const read = (name) => readFileSync(join(report, name), "utf8");
    const started = read("stdout.txt").split("\n").filter((line) => /^(arguments|url|cwd|MCP_CONFORMANCE_\w+)=/.test(line));
    return [...started.map(nameless).sort(), ...JSON.parse(read("checks.json")).map(described)];
}

/** Without what differs from run to run: host and port, and the values of the context. */
function nameless(line) {
    const context = line.match(/^MCP_CONFORMANCE_CONTEXT=(.*)$/);
    return context ? Object.keys(JSON.parse(context[1])).sort().join() : line.replace(/\/\/[^/]+/, "//server");
}

/** The description is each runner's own, save that of a message: its method, path and status. */
function described({ id, name, status, description }) {
    return [id, name, status, ...(status === "INFO" ? [description] : [])].join(" · ");
}

function slugs(option) {
    const listed = execFileSync(crosscheck, ["reference-client", option], { encoding: "utf8" });
    return listed.trim().split("\n").map((line) => line.split(" ")[0]);
}

function isInstalled(client) {
    const [program] = client.split(" ");
    return program === "node" ? existsSync("clients/typescript/node_modules") : existsSync(program);
}
