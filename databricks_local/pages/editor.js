// What a form cannot do by itself: Ctrl-S, Tab, and a question before typed text is lost. The pages work without it.
"use strict";

const box = document.querySelector("textarea#text");
let escaped = false; // Esc was pressed: Tab leaves the text, for those who have no mouse
let sent = false;

const line = (from) => box.value.lastIndexOf("\n", from - 1) + 1;

function indent() {
    document.execCommand("insertText", false, " ".repeat(4 - ((box.selectionStart - line(box.selectionStart)) % 4)));
}

// Every line of the selection moves by four blanks, or by those it has; so Ctrl-Z brings them back together.
function shift(back) {
    const { selectionStart: start, selectionEnd: end, value } = box;
    const first = line(start);
    const last = value.indexOf("\n", end) < 0 ? value.length : value.indexOf("\n", end);
    const lines = value.slice(first, last).split("\n");
    const moved = lines.map((text) => (back ? text.replace(/^ {1,4}|^\t/, "") : text && "    " + text)).join("\n");
    box.setSelectionRange(first, last);
    document.execCommand("insertText", false, moved);
    box.setSelectionRange(start === end ? Math.max(first, start + moved.length - (last - first)) : first, first + moved.length);
    if (start === end) {
        box.selectionEnd = box.selectionStart;
    }
}

if (box && !box.readOnly) {
    document.querySelector("#keys").hidden = false;
    box.addEventListener("keydown", (event) => {
        if (event.key === "Tab" && !escaped && !event.ctrlKey && !event.altKey && !event.metaKey) {
            event.preventDefault();
            if (event.shiftKey || box.value.slice(box.selectionStart, box.selectionEnd).includes("\n")) {
                shift(event.shiftKey);
            } else {
                indent();
            }
        }
        if (event.key !== "Tab" && event.key !== "Shift") {
            escaped = event.key === "Escape";
        }
    });
    document.addEventListener("keydown", (event) => {
        if ((event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && event.key.toLowerCase() === "s") {
            event.preventDefault();
            box.form.requestSubmit();
        }
    });
    // Any form: who deletes the cell does not want to be asked whether to keep its text.
    document.addEventListener("submit", () => (sent = true));
    window.addEventListener("beforeunload", (event) => {
        if (!sent && box.value !== box.defaultValue) {
            event.preventDefault();
        }
    });
    window.addEventListener("pageshow", () => (sent = false)); // back again
}
