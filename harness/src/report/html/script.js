// Filter, search, links into closed sections and copying. The page is complete without.
"use strict";
document.documentElement.classList.add("js");

const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const one = (selector, within = document) => within.querySelector(selector);

// The scenarios: sections of a page, or rows of a comparison.
const filter = one(".filter");
const buttons = all("button[data-r]", filter);
const [subject, search, shown, nothing] = ["#subject", "#search", "#shown", ".nothing"].map((name) => one(name));
const scenarios = [];
let heading = null;
for (const node of all(".u, .s")) {
    if (node.matches(".u")) {
        heading = { node, name: node.dataset.u ?? node.textContent, left: 0 };
    } else {
        scenarios.push({ node, heading, result: node.dataset.r, words: null });
    }
}
const headings = [...new Set(scenarios.map((scenario) => scenario.heading))];

// What is searched: the title, the id, and the checks that found something or passed.
function words(scenario) {
    const parts = all(".t, h4 code, th code, .f h5 code, .q p:not(.na)", scenario.node);
    scenario.words ??= parts.map((part) => part.textContent).join(" ").toLowerCase();
    return scenario.words;
}

function apply() {
    const results = buttons.filter((button) => button.ariaPressed === "true").map((button) => button.dataset.r);
    const sought = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const heading of headings) heading.left = 0;
    for (const scenario of scenarios) {
        const fits = (!results.length || results.includes(scenario.result))
            && (!subject.value || scenario.heading.name === subject.value)
            && sought.every((word) => words(scenario).includes(word));
        scenario.node.hidden = !fits;
        if (fits) {
            count++;
            scenario.heading.left++;
        }
    }
    for (const heading of headings) heading.node.hidden = !heading.left;
    nothing.hidden = count > 0;
    shown.textContent = `${count} of ${scenarios.length} scenarios`;
}

function show(result, name) {
    for (const button of buttons) button.ariaPressed = String(button.dataset.r === result);
    subject.value = name;
    search.value = "";
    apply();
}

// A link into a section opens it, whatever the filter hides.
function open() {
    let id = location.hash.slice(1);
    try {
        id = decodeURIComponent(id);
    } catch {
        // It is taken as it stands.
    }
    const target = document.getElementById(id);
    if (!target) return;
    const section = target.closest(".s");
    if (section?.hidden) show(null, "");
    for (let node = target; node; node = node.parentElement) {
        if (node.matches("details")) node.open = true;
    }
    one("details", target.matches("li") ? target : document.createElement("i"))?.setAttribute("open", "");
    target.scrollIntoView();
}

for (const button of buttons) {
    button.addEventListener("click", () => {
        button.ariaPressed = String(button.ariaPressed !== "true");
        apply();
    });
}
subject.addEventListener("input", apply);
search.addEventListener("input", apply);
filter.addEventListener("submit", (event) => event.preventDefault());
addEventListener("hashchange", open);
const unfold = (is) => () => {
    for (const { node } of scenarios) if (!is || !node.hidden) node.open = is;
};
one("#unfold")?.addEventListener("click", unfold(true));
one("#fold")?.addEventListener("click", unfold(false));
for (const button of all(".cp")) button.hidden = false;

document.addEventListener("click", async (event) => {
    const link = event.target.closest("a[data-r]");
    if (link) show(link.dataset.r, link.dataset.u);
    const copy = event.target.closest(".cp");
    if (copy) {
        const code = copy.previousElementSibling;
        try {
            await navigator.clipboard.writeText(code.textContent);
            copy.textContent = "Copied";
        } catch {
            getSelection().selectAllChildren(code);
            copy.textContent = "Selected";
        }
    }
    // An arrow leads to its message.
    const arrow = event.target.closest(".dia g");
    if (arrow) {
        const place = all("g", arrow.parentNode).indexOf(arrow);
        const message = one("ol.m", arrow.closest(".in")).children[place]?.firstElementChild;
        if (message) {
            message.open = true;
            message.scrollIntoView({ block: "center" });
        }
    }
});

// Browsers that cannot print what is closed print it open.
if (!CSS.supports("selector(::details-content)")) {
    let opened = [];
    addEventListener("beforeprint", () => {
        opened = all("details:not([open])");
        for (const node of opened) node.open = true;
    });
    addEventListener("afterprint", () => {
        for (const node of opened) node.open = false;
    });
}

apply();
if (location.hash) open();
