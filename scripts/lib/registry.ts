import { readdirSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";

/** Loopback answers at once, one way or the other. */
const TIMEOUT_MS = 1_000;

/**
 * Takes out of wrangler's registry of running Workers those that no longer answer. A process that
 * was killed leaves its entry behind, and for 90 s the next one would not be found under its name.
 */
export async function forgetTheDead(registry: string): Promise<void> {
  await Promise.all(
    entries(registry).map(async (path) => {
      const [host = "", port = ""] = addressIn(path).split(":");
      if (!(await answers(host, Number(port)))) rmSync(path, { force: true });
    }),
  );
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder).map((name) => join(folder, name));
  } catch {
    return []; // nothing has ever run on this state
  }
}

function addressIn(path: string): string {
  try {
    const { debugPortAddress } = JSON.parse(readFileSync(path, "utf8"));
    return typeof debugPortAddress === "string" ? debugPortAddress : "";
  } catch {
    return "";
  }
}

async function answers(host: string, port: number): Promise<boolean> {
  if (!Number.isInteger(port) || port < 1) return false;
  return await new Promise((done) => {
    const socket = connect({ host, port, timeout: TIMEOUT_MS });
    const end = (isAlive: boolean) => () => {
      socket.destroy();
      done(isAlive);
    };
    socket.once("connect", end(true)).once("error", end(false)).once("timeout", end(false));
  });
}
