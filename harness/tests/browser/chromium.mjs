// Finds Chromium, and installs Debian's where there is none.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/** The path of a Chromium that starts; CHROMIUM in the environment names another one. */
export function chromium() {
    const named = process.env.CHROMIUM;
    if (named) return named;
    return find() ?? (install(), find()) ?? fail("the package was installed and has no `chromium`");
}

function find() {
    const folders = (process.env.PATH ?? "").split(delimiter);
    return NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find((path) => existsSync(path));
}

/** With apt-get, by sudo where we are not root. */
function install() {
    console.log("Chromium is not here: installing it with apt-get");
    const asRoot = process.getuid?.() === 0 ? [] : ["sudo", "-n"];
    for (const args of [["update"], ["install", "-y", "--no-install-recommends", "chromium"]]) {
        const [command, ...rest] = [...asRoot, "apt-get", "-qq", ...args];
        const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
        const { status, error } = spawnSync(command, rest, { env, stdio: ["ignore", "ignore", "inherit"] });
        if (status !== 0) fail(`\`${[command, ...rest].join(" ")}\` ${error?.message ?? `exited ${status}`}`);
    }
}

function fail(why) {
    console.error(`error: no Chromium: ${why}`);
    console.error("  hint: install chromium, or name one with CHROMIUM=/path/to/it");
    process.exit(2);
}
