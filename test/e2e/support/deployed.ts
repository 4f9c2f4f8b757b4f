import { signHs256 } from "../../../scripts/lib/jwt.ts";
import {
  applyMigrations,
  bundledWorker,
  LOOPBACK,
  startWorkerd,
} from "../../../scripts/lib/workerd.ts";
import type { Released } from "../../compat/support/bundles.ts";
import { clientOf } from "./client.ts";

const AUTH_SECRET = "the secret of the tests of upgrades";
const ORDERS = "lockstock-orders";

/** Both Workers, each of some version, on the databases and objects of a folder. */
export interface Deployed {
  operator: ReturnType<typeof clientOf>;
  customer: ReturnType<typeof clientOf>;
  /** The minute of the cron. */
  cron: () => Promise<void>;
  /** Runs SQL on the orders' database. */
  sql: <Row>(text: string) => Promise<Row[]>;
  /** Ends the process, as a crash would: queues are lost, what is stored stays. */
  stop: () => Promise<void>;
}

/** `orders` and `stock` are what runs; today's migrations are applied on a fresh folder. */
export async function deploy(
  state: string,
  [orders, stock]: readonly [Released, Released],
  { isFresh = false }: { isFresh?: boolean } = {},
): Promise<Deployed> {
  const workers = [orders, stock].map(({ config, script }) => bundledWorker(config, script));
  const [first] = workers;
  if (!first) throw new Error("there is no Worker");
  Object.assign(first.bindings, { AUTH_SECRET, RATE_LIMIT: "off" });
  first.unsafeDirectSockets = [{ host: LOOPBACK, port: 0 }];
  const lines: string[] = [];
  const miniflare = startWorkerd({ workers, state, onLog: ({ message }) => lines.push(message) });
  await miniflare.ready;
  const base = (await miniflare.unsafeGetDirectURL(ORDERS)).origin;
  const db = await miniflare.getD1Database("DB", ORDERS);
  if (isFresh) await applyMigrations(db, "migrations");
  const token = (sub: string, scope?: string) => signHs256(AUTH_SECRET, sub, { scope });
  return {
    operator: clientOf(base, await token("operator", "operator")),
    customer: clientOf(base, await token("ada")),
    async cron() {
      await (await miniflare.getWorker(ORDERS)).scheduled({ cron: "* * * * *" });
    },
    sql: async <Row>(text: string) => (await db.prepare(text).all<Row>()).results,
    stop: () => miniflare.dispose(),
  };
}
