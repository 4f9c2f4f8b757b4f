import type { Operations } from "../shared/api.ts";
import { dayAndTime } from "../shared/format.ts";
import { hrefOf, type View } from "./route.ts";

type Alert = Operations["alerts"][number];

/** Where to do something about it. */
const VIEW_OF: Partial<Record<Alert["code"], View>> = {
  backlog: "reconcile",
  breaches: "reconcile",
  dead_letters: "dead-letters",
  money_unmatched: "payments",
  webhook_off: "webhooks",
  webhook_failing: "webhooks",
  webhook_refusing: "webhooks",
};

/** What is wrong, in words, and what to do: above everything else, whatever the view. */
export function Alerts({ alerts }: { alerts: readonly Alert[] }) {
  if (alerts.length === 0) return <></>;
  return (
    <section aria-labelledby="alerts-title">
      <h2 id="alerts-title" class="visually-hidden">
        Alerts
      </h2>
      <ul class="alerts">
        {alerts.map((alert) => (
          <li key={alert.code + alert.text} class="notice bad" data-alert={alert.code}>
            <strong>{alert.text}</strong>
            <span>
              {alert.action} <Link view={VIEW_OF[alert.code]} />
            </span>
            {alert.since ? (
              <small>
                Since <time dateTime={alert.since}>{dayAndTime(alert.since)}</time>
              </small>
            ) : (
              <></>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Link({ view }: { view: View | undefined }) {
  if (view === undefined) return <></>;
  return <a href={hrefOf(view)}>Show them</a>;
}
