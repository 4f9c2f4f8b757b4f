import { useState } from "preact/hooks";
import { type Movement, ok } from "../shared/api.ts";
import { Dialog } from "../shared/dialog.tsx";
import { clockTime, count, dayAndTime } from "../shared/format.ts";
import { Empty, ProblemNotice } from "../shared/notices.tsx";
import { usePolled } from "../shared/polled.ts";
import { asProblem, type LockstockProblem } from "../shared/problem.ts";
import type { StockedItem } from "./items.ts";
import { OrderLink } from "./order-link.tsx";
import { client } from "./session.ts";

const PAGE = "50";

const readLedger = (sku: string, cursor: string | null) =>
  ok(
    client.v1.items[":sku"].ledger.$get({
      param: { sku },
      query: { limit: PAGE, ...(cursor && { cursor }) },
    }),
  );

/** Every movement of an item with the balance after it, newest first. */
export function LedgerDialog({ item, onClose }: { item: StockedItem; onClose: () => void }) {
  const newest = usePolled(`ledger ${item.sku}`, () => readLedger(item.sku, null));
  const [older, setOlder] = useState<{ movements: Movement[]; cursor: string | null } | null>(null);
  const [problem, setProblem] = useState<LockstockProblem | null>(null);
  const first = newest.data;
  const bySeq = new Map(
    [...(older?.movements ?? []), ...(first?.movements ?? [])].map((m) => [m.seq, m]),
  );
  const movements = [...bySeq.values()].toSorted((a, b) => b.seq - a.seq);
  const cursor = older ? older.cursor : (first?.nextCursor ?? null);
  const more = async () => {
    try {
      const page = await readLedger(item.sku, cursor);
      // Keeps the loaded pages, even though new movements shift the newest page.
      setOlder({ movements: [...movements, ...page.movements], cursor: page.nextCursor });
      setProblem(null);
    } catch (error) {
      setProblem(asProblem(error));
    }
  };
  const shown = problem ?? newest.problem;
  return (
    <Dialog title={`Ledger of ${item.name}`} onClose={onClose} wide>
      {shown ? <ProblemNotice problem={shown} /> : <></>}
      {first?.movements.length === 0 ? (
        <Empty title="No movement yet" text="The first units received will be the first entry." />
      ) : (
        <div class="scroll" tabindex={0} role="region" aria-label="Movements">
          <table class="ledger">
            <thead>
              <tr>
                <th scope="col">Time</th>
                <th scope="col">Movement</th>
                <th scope="col" class="number">
                  Units
                </th>
                <th scope="col">For</th>
                <th scope="col" class="number">
                  Available
                </th>
                <th scope="col" class="number">
                  Held
                </th>
                <th scope="col" class="number">
                  Sold
                </th>
              </tr>
            </thead>
            <tbody>
              {movements.map((movement) => (
                <Row key={`${movement.seq}`} movement={movement} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {cursor === null ? (
        <></>
      ) : (
        <button type="button" class="button small quiet" onClick={() => void more()}>
          Older movements
        </button>
      )}
    </Dialog>
  );
}

function Row({ movement }: { movement: Movement }) {
  const { kind, quantity, at, balance } = movement;
  return (
    <tr>
      <td>
        <time dateTime={at} title={dayAndTime(at)}>
          {clockTime(at)}
        </time>
      </td>
      <td>
        <span class={`movement ${kind}`}>{kind.replace("_", "-")}</span>
      </td>
      <td class="number digits">
        {quantity > 0 && (kind === "receive" || kind === "adjust") ? "+" : ""}
        {count(quantity)}
      </td>
      <td>
        <Purpose movement={movement} />
      </td>
      <td class="number digits">{count(balance.available)}</td>
      <td class="number digits">{count(balance.held)}</td>
      <td class="number digits">{count(balance.sold)}</td>
    </tr>
  );
}

/** The order, the reason, and who asked for it. */
function Purpose({ movement: { orderId, reason, actor } }: { movement: Movement }) {
  return (
    <>
      {orderId ? (
        <>
          order <OrderLink id={orderId} isShort />
        </>
      ) : (
        <></>
      )}{" "}
      {reason ?? ""}
      {actor ? <small> by {actor.sub ?? "the system"}</small> : <></>}
    </>
  );
}
