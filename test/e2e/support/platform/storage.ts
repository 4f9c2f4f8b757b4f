import { randomUUID } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import { type Answer, type Body, ok, refused } from "./answer.ts";

/** Queues with their consumers, and D1 databases, which are real. */

interface Consumer {
  consumer_id: string;
  type: "worker";
  script: string;
  settings: unknown;
}
interface Queue {
  queue_id: string;
  queue_name: string;
  consumers: Consumer[];
}
interface Database {
  uuid: string;
  name: string;
  location: string;
  db: DatabaseSync;
}

const newId = () => randomUUID().replaceAll("-", "");

export class PlatformStorage {
  readonly #queues = new Map<string, Queue>();
  readonly #databases = new Map<string, Database>();

  /** In the order in which they were made. */
  get queues(): Queue[] {
    return [...this.#queues.values()];
  }
  get databases(): Database[] {
    return [...this.#databases.values()];
  }

  close(): void {
    for (const { db } of this.databases) db.close();
  }

  hasQueue(name: string): boolean {
    return this.queues.some(({ queue_name }) => queue_name === name);
  }

  hasDatabase(id: string): boolean {
    return this.#databases.has(id);
  }

  listQueues(names: string[]): Answer {
    const isAsked = (one: Queue) => names.length === 0 || names.includes(one.queue_name);
    const time = "2026-01-01T00:00:00Z";
    const views = this.queues.filter(isAsked).map((one) => ({
      ...one,
      created_on: time,
      modified_on: time,
      producers: [],
      producers_total_count: 0,
      consumers_total_count: one.consumers.length,
    }));
    return ok(views);
  }

  createQueue(name: string): Answer {
    if (this.hasQueue(name)) {
      return refused(409, 11009, `Queue name '${name}' is already taken.`);
    }
    const queue = { queue_id: newId(), queue_name: name, consumers: [] };
    this.#queues.set(queue.queue_id, queue);
    return ok(queue);
  }

  /** Adds a consumer, or replaces the one that is named. A queue has one. */
  consume(id: string, { script_name, settings }: Body, replaced?: string): Answer {
    const queue = this.#queues.get(id);
    if (!queue) return refused(404, 11000, "The queue does not exist");
    if (replaced === undefined && queue.consumers.length > 0) {
      return refused(409, 11004, "workers.api.error.consumer_exists");
    }
    const consumer_id = replaced ?? newId();
    queue.consumers = [{ consumer_id, type: "worker", script: String(script_name), settings }];
    return ok(queue.consumers[0]);
  }

  listDatabases(name: string | null): Answer {
    const all = this.databases.filter((one) => name === null || one.name === name);
    return ok(all.map(({ uuid, name }) => ({ uuid, name, version: "production" })));
  }

  database(id: string): Answer {
    const found = this.#databases.get(id);
    if (!found) return refused(404, 7404, "The database does not exist");
    const { uuid, name, location } = found;
    return ok({ uuid, name, running_in_region: location.toUpperCase(), file_size: 0 });
  }

  createDatabase(body: Body): Answer {
    const { name, primary_location_hint: location = "enam" } = body as Record<string, string>;
    if (name === undefined || this.databases.some((one) => one.name === name)) {
      return refused(400, 7502, `The database with name ${name} already exists`);
    }
    const uuid = randomUUID();
    this.#databases.set(uuid, { uuid, name, location, db: new DatabaseSync(":memory:") });
    return ok({ uuid, name, version: "production" });
  }

  /** One transaction, as a call of D1 is. */
  query(id: string, sql: string): Answer {
    const found = this.#databases.get(id);
    if (!found) return refused(404, 7404, "The database does not exist");
    const answer = (results: unknown[]) => ok([{ results, success: true, meta: { duration: 1 } }]);
    if (/^\s*SELECT/i.test(sql)) return answer(found.db.prepare(sql).all());
    try {
      found.db.exec(`BEGIN; ${sql}; COMMIT;`);
      return answer([]);
    } catch (error) {
      if (found.db.isTransaction) found.db.exec("ROLLBACK");
      return refused(400, 7500, String(error));
    }
  }
}
