import { randomUUID } from "node:crypto";
import { type Answer, type Body, ok, refused } from "./answer.ts";
import type { PlatformStorage } from "./storage.ts";

/** Workers, with what each version of them is bound to. */

interface Binding {
  name: string;
  type: string;
  [key: string]: unknown;
}
interface Metadata {
  bindings: Binding[];
  migrations?: { old_tag?: string; new_tag: string };
  placement?: { region?: string };
}
/** As it runs, after its last deployment. */
export interface DeployedWorker {
  metadata: Metadata;
  secrets: Map<string, string>;
  migrationTag: string | null;
  schedules: unknown;
}

const NOT_FOUND = refused(404, 10007, "This Worker does not exist on your account.");

export const SUBDOMAIN = "a-shop";

export class PlatformWorkers {
  readonly deployed = new Map<string, DeployedWorker>();
  readonly #storage: PlatformStorage;
  /** Uploaded and not deployed yet. */
  readonly #versions = new Map<string, Metadata>();
  readonly #assets = new Set<string>();

  constructor(storage: PlatformStorage) {
    this.#storage = storage;
  }

  /** The first deployment of a Worker, and any with new classes of objects. */
  upload(name: string, body: Body): Answer {
    const metadata = metadataIn(body);
    const problem = this.#problem(metadata, name);
    if (problem) return problem;
    this.#deploy(name, metadata);
    const id = randomUUID();
    return ok({ id: name, etag: "etag", startup_time_ms: 1, deployment_id: id, has_assets: true });
  }

  /** Any other: a version, which runs once it is deployed. */
  createVersion(name: string, body: Body): Answer {
    if (!this.deployed.has(name)) return NOT_FOUND;
    const metadata = metadataIn(body);
    const problem = this.#problem(metadata, name);
    if (problem) return problem;
    const id = randomUUID();
    this.#versions.set(id, metadata);
    const resources = { script: { etag: "etag" } };
    return ok({ id, startup_time_ms: 1, metadata: { has_preview: false }, resources });
  }

  createDeployment(name: string, { versions }: Body): Answer {
    const [version] = versions as { version_id: string }[];
    const metadata = this.#versions.get(version?.version_id ?? "");
    if (!metadata) return refused(400, 10021, "The version does not exist");
    this.#deploy(name, metadata);
    return ok({ id: randomUUID() });
  }

  deployments(name: string): Answer {
    if (!this.deployed.has(name)) return NOT_FOUND;
    const versions = [{ version_id: randomUUID(), percentage: 100 }];
    return ok({ deployments: [{ id: randomUUID(), source: "wrangler", versions }] });
  }

  service(name: string): Answer {
    const worker = this.deployed.get(name);
    if (!worker) return refused(404, 10090, "This service does not exist on your account.");
    const { migrationTag } = worker;
    const script = {
      id: name,
      tag: name,
      migration_tag: migrationTag,
      last_deployed_from: "wrangler",
    };
    const environment = { environment: "production", script };
    return ok({ id: name, default_environment: environment, environments: [environment] });
  }

  settings(name: string): Answer {
    const worker = this.deployed.get(name);
    return worker ? ok({ bindings: worker.metadata.bindings, tags: [] }) : NOT_FOUND;
  }

  secrets(name: string): Answer {
    const worker = this.deployed.get(name);
    if (!worker) return NOT_FOUND;
    return ok([...worker.secrets.keys()].map((name) => ({ name, type: "secret_text" })));
  }

  address(name: string): Answer {
    const url = `https://${name}.${SUBDOMAIN}.workers.dev`;
    return ok({ id: name, name, subdomain: { enabled: true, previews_enabled: true, url } });
  }

  schedule(name: string, schedules: unknown): Answer {
    const worker = this.deployed.get(name);
    if (!worker) return NOT_FOUND;
    worker.schedules = schedules;
    return ok({ schedules });
  }

  startAssets({ manifest }: Body): Answer {
    const files = Object.values(manifest as Record<string, { hash: string }>);
    const missing = files.map(({ hash }) => hash).filter((hash) => !this.#assets.has(hash));
    return ok({ jwt: assetsToken(), buckets: missing.length > 0 ? [missing] : [] });
  }

  uploadAssets(body: Body): Answer {
    for (const hash of Object.keys(body)) this.#assets.add(hash);
    return { ...ok({ jwt: assetsToken() }), status: 201 };
  }

  #deploy(name: string, metadata: Metadata): void {
    const before = this.deployed.get(name);
    const secrets = new Map(before?.secrets);
    const old = new Map(before?.metadata.bindings.map((one) => [one.name, one]));
    metadata.bindings = metadata.bindings.map((one) =>
      one.type === "inherit" ? (old.get(one.name) ?? one) : one,
    );
    for (const { type, name: secret, text } of metadata.bindings) {
      if (type === "secret_text") secrets.set(secret, String(text));
    }
    const migrationTag = metadata.migrations?.new_tag ?? before?.migrationTag ?? null;
    this.deployed.set(name, {
      metadata,
      secrets,
      migrationTag,
      schedules: before?.schedules ?? null,
    });
  }

  #problem({ bindings, migrations }: Metadata, self: string): Answer | undefined {
    const present = this.deployed.get(self)?.migrationTag ?? null;
    if (migrations && (migrations.old_tag ?? null) !== present) {
      return refused(412, 10079, "The migration tag is not the one that was applied last");
    }
    const missing = bindings.find((binding) => !this.#isThere(binding, self));
    return missing && refused(400, 10021, `${missing.type} ${missing.name} does not exist`);
  }

  #isThere(binding: Binding, self: string): boolean {
    const { type, queue_name, id, service } = binding as Record<string, string>;
    switch (type) {
      case "queue":
        return this.#storage.hasQueue(queue_name ?? "");
      case "d1":
        return this.#storage.hasDatabase(id ?? "");
      case "service":
        return service === self || this.deployed.has(service ?? "");
      default:
        return true;
    }
  }
}

const metadataIn = (body: Body) => JSON.parse(String(body["metadata"])) as Metadata;

/** Wrangler reads when it ends. */
function assetsToken(): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const now_s = Math.floor(Date.now() / 1000);
  return `${part({ alg: "none" })}.${part({ iat: now_s, exp: now_s + 3_600 })}.x`;
}
