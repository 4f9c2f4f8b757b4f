import { spawn } from "node:child_process";
import { once } from "node:events";
import { environment } from "../../../../scripts/lib/npm-start.ts";
import { ROOT } from "../../../../scripts/lib/project.ts";
import { ACCOUNT } from "./api.ts";

export interface Run {
  code: number | null;
  output: string;
}

/** Starts a script as a user would, in a group of its own, so that a kill ends wrangler too. */
export function startCommand(
  script: string,
  args: string[],
  home: string,
  env: Record<string, string>,
) {
  const child = spawn(process.execPath, [`scripts/${script}.ts`, ...args], {
    cwd: ROOT,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...environment(),
      // Neither an account of this machine nor its network.
      HOME: home,
      XDG_CONFIG_HOME: home,
      CLOUDFLARE_API_TOKEN: "a-token",
      CLOUDFLARE_ACCOUNT_ID: ACCOUNT,
      CLOUDFLARE_CF_FETCH_ENABLED: "false",
      ...env,
    },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  }
  const kill = () => process.kill(-(child.pid ?? 0), "SIGKILL");
  const done = once(child, "close").then(([code]): Run => ({
    code: code as number | null,
    output,
  }));
  return { done, kill };
}
