// Looks at the HTML reports in a real browser, without a network: a failing run, and a comparison of two clients.
// One line a check; exits 1 where one fails, and 2 where there is no browser or no report.
//
//     cargo build -p crosscheck && npm ci --prefix harness/tests/browser
//     node harness/tests/browser/check.mjs target/debug/crosscheck

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

import axe from "axe-core";
import puppeteer from "puppeteer-core";

import { chromium } from "./chromium.mjs";

const binary = resolve(process.argv[2] ?? "target/debug/crosscheck");
const folder = mkdtempSync(join(tmpdir(), "crosscheck-browser-"));
const FILTERS = ["flow/", "discovery/", "lifecycle/"];
const FAULT = "audience-trailing-slash";

/** What a page must be: sentences, each with the code that holds it against a tab. */
const OF_A_PAGE = {
    "every message has its arrow, and every drawn one has a size": async (page) => {
        await openAll(page);
        const drawings = await page.$$eval(".in:has(.dia)", (sections) =>
            sections.map((section) => {
                const arrows = [...section.querySelectorAll(".dia g:not(.else) > path:first-child")];
                const drawn = arrows.filter((arrow) => arrow.getBBox().width > 0);
                const { width, height } = section.querySelector(".dia svg").getBoundingClientRect();
                const messages = section.querySelectorAll(".m > li").length;
                return { id: section.id, arrows: arrows.length, drawn: drawn.length, messages, width, height };
            }),
        );
        assert(drawings.length > 40, `${drawings.length} diagrams`);
        for (const { id, arrows, drawn, messages, width, height } of drawings) {
            assert.equal(arrows, messages, id);
            assert.equal(drawn, messages, id);
            assert(width > 300 && height > 50, `${id} is drawn ${width} by ${height}`);
        }
    },
    "the offending arrow is heavier, has a mark, and is named to those who do not see it": async (page) => {
        await openAll(page);
        const look = (selector) => page.$eval(selector, (arrow) => ({
            width: parseFloat(getComputedStyle(arrow.querySelector("path")).strokeWidth),
            mark: arrow.querySelector("use")?.getBoundingClientRect().width ?? 0,
            description: arrow.closest("svg").querySelector("desc").textContent,
        }));
        const [marked, plain] = [await look(".dia g.failed"), await look(".dia g:not([class])")];
        assert(marked.width >= 2 * plain.width && marked.mark > 5 && plain.mark === 0);
        assert.match(marked.description, /Message \d+: .*, failed\./);
    },
    "a click on an arrow opens its message": async (page) => {
        await show(page, "discovery/issuer-without-path");
        await page.$eval("[id='discovery/issuer-without-path'] .dia g.failed", (arrow) => {
            arrow.dispatchEvent(new MouseEvent("click", { bubbles: true }));
        });
        const text = await page.$eval("[id='discovery/issuer-without-path'] .m li.failed", (message) =>
            message.firstElementChild.open ? message.innerText : "");
        assert.match(text, /requested_token_type/);
        assert.match(text, /«id_token»/);
    },
    "the buttons, the subject and the search narrow what is shown and counted": async (page) => {
        const all = await shown(page);
        await page.click(".filter button[data-r=failed]");
        const failed = await shown(page);
        assert(failed.count > 0 && failed.count < all.count, JSON.stringify({ all, failed }));
        assert.deepEqual([...new Set(failed.results)], ["failed"]);
        await page.click(".filter button[data-r=failed]");
        await page.select("#subject", "lifecycle");
        const lifecycle = await shown(page);
        assert(lifecycle.ids.length > 0 && lifecycle.ids.every((id) => id.startsWith("lifecycle/")));
        await page.select("#subject", "");
        await page.type("#search", "ISSUER slash");
        const found = await shown(page);
        assert(found.ids.includes("discovery/issuer-with-final-slash") && found.count < 10, found.ids.join());
        await page.type("#search", " no such thing");
        assert.equal((await shown(page)).count, 0);
        assert(await page.$eval(".nothing", (text) => text.checkVisibility()));
        assert(await page.$$eval("h3.u", (headings) => headings.every((heading) => !heading.checkVisibility())));
    },
    "a requirement is found by its id": async (page) => {
        await page.type("#search", "tx-audience-is-as-issuer");
        const { count } = await shown(page);
        assert(count > 10, `${count} scenarios`);
    },
    "a number of the overview shows the scenarios it counts": async (page) => {
        const link = "a[data-u=discovery][data-r=failed]";
        const count = Number(await page.$eval(link, (link) => link.textContent));
        await page.click(link);
        assert.equal((await shown(page)).count, count);
    },
    "an address with a scenario opens it, even where the filter hides it": async (page) => {
        await page.click(".filter button[data-r=failed]");
        await show(page, "flow/complete");
        const section = await page.$("details.s:has([id='flow/complete'])");
        assert(await section.evaluate((section) => section.open && section.checkVisibility()));
        assert(await section.isIntersectingViewport());
    },
    "the keyboard reaches the filter and works it": async (page) => {
        const focused = () => page.evaluate(() => document.activeElement.className || document.activeElement.id);
        await page.keyboard.press("Tab");
        assert.equal(await focused(), "skip");
        await page.keyboard.press("Enter");
        const before = await shown(page);
        await page.keyboard.press("Tab");
        assert.equal(await focused(), "failed");
        assert.notEqual(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle), "none");
        await page.keyboard.press("Space");
        assert.equal(await page.evaluate(() => document.activeElement.ariaPressed), "true");
        assert((await shown(page)).count < before.count);
    },
    "dark has other colours, and text of either is legible": async (page) => {
        await openAll(page);
        const seen = [];
        for (const scheme of ["light", "dark"]) {
            await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
            const colours = await page.evaluate(legibility);
            seen.push(colours.background);
            assert(colours.worst.contrast >= 4.5, `${scheme}: ${JSON.stringify(colours.worst)}`);
        }
        assert.notEqual(...seen);
    },
    "print shows everything, and no filter": async (page) => {
        await page.emulateMediaType("print");
        assert(await page.$$eval(".filter, nav", (parts) => parts.every((part) => !part.checkVisibility())));
        const hidden = await page.$$eval(".in, .m .g, .diff", (parts) =>
            parts.filter((part) => part.getBoundingClientRect().height === 0).length);
        assert.equal(hidden, 0);
    },
    "everything but the filter is there without scripts": async (page, url) => {
        const count = (await shown(page)).count;
        await page.setJavaScriptEnabled(false);
        await page.goto(url);
        const document = await page.evaluate(() => ({
            sections: document.querySelectorAll("details.s > .in").length,
            filter: document.querySelector(".filter").checkVisibility(),
        }));
        assert.deepEqual(document, { sections: count, filter: false });
    },
};

/** What a comparison must be. */
const OF_A_COMPARISON = {
    "rows that differ are told from the others": async (page) => {
        const all = await shown(page);
        await page.click(".filter button[data-r=differs]");
        const differing = await shown(page);
        assert(differing.count > 0 && differing.count < all.count, JSON.stringify([all.count, differing.count]));
    },
    "a cell leads to the scenario on the client's page": async (page) => {
        await page.click(".filter button[data-r=differs]");
        await Promise.all([page.waitForNavigation(), page.click("tr.s:not([hidden]) td.failed a")]);
        const id = decodeURIComponent(new URL(page.url()).hash.slice(1));
        assert(await page.$eval(`[id='${id}']`, (content) => content.closest("details").open));
    },
};

/** What every page must be. */
const OF_EVERY_PAGE = {
    "the policy forbids every request": async (page) => {
        await page.evaluate(() => {
            const image = new Image();
            image.src = "http://127.0.0.1:9/";
            return fetch("http://127.0.0.1:9/").catch(() => {});
        });
        const directives = await page.evaluate(() => globalThis.violations.splice(0));
        assert.deepEqual(directives.sort(), ["connect-src", "img-src"]);
        page.troubles.length = 0;
    },
    "nothing stands in the way of a screen reader": async (page) => {
        await openAll(page, 3);
        await page.evaluate(axe.source);
        const { violations } = await page.evaluate(() => globalThis.axe.run());
        const told = violations.map(({ id, nodes }) => `${id}: ${nodes.length} × ${nodes[0].html}`);
        assert.deepEqual(told, []);
    },
    "it fits a narrow window": async (page) => {
        await page.setViewport({ width: 390, height: 800 });
        const width = await page.evaluate(() => document.documentElement.scrollWidth);
        assert(width <= 390, `${width} pixels`);
    },
};

const reports = makeReports();
const browser = await puppeteer.launch({ executablePath: chromium(), args: ["--no-sandbox"] });
let [passed, failed] = [0, 0];
for (const [name, path, checks] of reports) {
    for (const [sentence, check] of Object.entries({ ...checks, ...OF_EVERY_PAGE })) {
        const why = await broken(pathToFileURL(path).href, check);
        why ? failed++ : passed++;
        console.log(`${why ? "FAIL" : "ok"}\t${name}: ${sentence}${why ? `\n\t${why}` : ""}`);
    }
}
await browser.close();
rmSync(folder, { recursive: true });
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;

/** Holds a check against a fresh tab; says why it does not hold. */
async function broken(url, check) {
    const page = await browser.newPage();
    page.troubles = [];
    page.on("console", (message) => {
        if (["error", "warn"].includes(message.type())) page.troubles.push(`console: ${message.text()}`);
    });
    page.on("pageerror", (error) => page.troubles.push(`script: ${error.message}`));
    page.on("request", (request) => {
        if (!/^(file|data):/.test(request.url())) page.troubles.push(`request: ${request.url()}`);
    });
    try {
        await page.setViewport({ width: 1280, height: 900 });
        await page.setOfflineMode(true);
        await page.evaluateOnNewDocument(() => {
            globalThis.violations = [];
            document.addEventListener("securitypolicyviolation", (event) => {
                globalThis.violations.push(event.effectiveDirective);
            });
        });
        await page.goto(url);
        await check(page, url);
        const violations = await page.evaluate(() => globalThis.violations ?? []);
        assert.deepEqual([...page.troubles, ...violations], []);
    } catch (error) {
        return error.message.replaceAll("\n", "\n\t");
    } finally {
        await page.close();
    }
}

/** A failing run of one client, and a run of two. */
function makeReports() {
    const faulty = [binary, "reference-client", "--fault", FAULT];
    const client = (name, command) => `[[client]]\nname = "${name}"\ncommand = ${JSON.stringify(command)}\n`;
    const configuration = join(folder, "crosscheck.toml");
    const honest = [binary, "reference-client"];
    writeFileSync(configuration, client("honest", honest) + client("with-slash", faulty));
    const [one, several] = ["one", "several"].map((name) => join(folder, name));
    run([...FILTERS, "--no-config", "--report", one, "--", ...faulty]);
    run(["flow/", "discovery/", "--config", configuration, "--all-clients", "--report", several]);
    return [
        ["page", join(one, "index.html"), OF_A_PAGE],
        ["comparison", join(several, "index.html"), OF_A_COMPARISON],
    ];
}

/** Calls a run that finds something. */
function run(args) {
    const { status, stderr, error } = spawnSync(binary, ["run", ...args], { cwd: folder, encoding: "utf8" });
    if (status === 1) return;
    console.error(`error: \`crosscheck run ${args.join(" ")}\` exited ${status}\n${error?.message ?? stderr}`);
    rmSync(folder, { recursive: true });
    process.exit(2);
}

/** What the page shows, and what it says that it shows. */
async function shown(page) {
    const { told, ...shown } = await page.evaluate(() => {
        const visible = [...document.querySelectorAll(".s")].filter((scenario) => !scenario.hidden);
        return {
            told: document.querySelector("#shown").textContent,
            count: visible.length,
            results: visible.map((scenario) => scenario.dataset.r),
            ids: visible.map((scenario) => scenario.querySelector("h4 code, th code").textContent),
        };
    });
    assert.equal(told.split(" of ")[0], String(shown.count));
    return shown;
}

function show(page, id) {
    return page.evaluate((id) => { location.hash = id; return new Promise((done) => setTimeout(done)); }, id);
}

/** Opens every section, or the first few, with all that is folded in it. */
function openAll(page, most = Infinity) {
    return page.evaluate((most) => {
        const sections = [...document.querySelectorAll("details.s")].slice(0, most);
        for (const section of sections) {
            section.style.contentVisibility = "visible";
            for (const part of [section, ...section.querySelectorAll("details")]) part.open = true;
        }
    }, most);
}

/** The background, and the text that has the least contrast to its own; runs within the page. */
function legibility() {
    const channels = (colour) => colour.match(/[\d.]+/g).map(Number);
    const luminance = (colour) => {
        const [red, green, blue] = channels(colour)
            .map((channel) => channel / 255)
            .map((channel) => (channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4));
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const ground = (node) => {
        const colour = getComputedStyle(node).backgroundColor;
        return channels(colour)[3] === 0 ? ground(node.parentElement) : colour;
    };
    const contrast = (one, other) => {
        const [dark, light] = [luminance(one), luminance(other)].sort((left, right) => left - right);
        return (light + 0.05) / (dark + 0.05);
    };
    const holdsText = (node) => [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
    let worst = { contrast: Infinity };
    for (const node of document.querySelectorAll("body *")) {
        if (!holdsText(node) || node.matches("script, title, desc, option, :disabled") || !node.checkVisibility()) continue;
        const style = getComputedStyle(node);
        const colour = node.closest("svg") ? style.fill : style.color;
        const found = contrast(colour, ground(node));
        if (found < worst.contrast) worst = { contrast: found, colour, text: node.textContent.slice(0, 40) };
    }
    return { background: getComputedStyle(document.body).backgroundColor, worst };
}
