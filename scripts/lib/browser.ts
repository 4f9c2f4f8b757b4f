import { existsSync } from "node:fs";
import process from "node:process";
import { type Browser, chromium } from "playwright-core";

/** Debian's packages. The shell has no window to draw, and takes half of the processor's time. */
const PACKAGED = ["/usr/bin/chromium-headless-shell", "/usr/bin/chromium"];

/** Chromium, as Debian's package `chromium-headless-shell` or `chromium` installs it; CHROMIUM_PATH names another one. */
export const CHROMIUM =
  process.env["CHROMIUM_PATH"] ?? PACKAGED.find((path) => existsSync(path)) ?? "/usr/bin/chromium";
export const hasBrowser = existsSync(CHROMIUM);

/** Without these it looks for updates, and for hosts that a closed network refuses. */
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export const launchBrowser = (flags: string[] = []): Promise<Browser> =>
  chromium.launch({ executablePath: CHROMIUM, args: [...FLAGS, ...flags] });
