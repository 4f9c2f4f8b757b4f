import { useState } from "preact/hooks";
import { Dialog } from "../shared/dialog.tsx";
import { Empty, ProblemNotice } from "../shared/notices.tsx";
import { usePolled } from "../shared/polled.ts";
import { Field, Form, textOf } from "./form.tsx";
import { WebhookRow } from "./webhook-row.tsx";
import { addWebhook, listWebhooks, TYPES, type WithSecret } from "./webhooks.ts";

/** The shop's endpoints that are told what happens, and their deliveries. */
export function WebhooksView() {
  const page = usePolled("webhooks", listWebhooks);
  const [isAdding, setIsAdding] = useState(false);
  const [shown, setShown] = useState<WithSecret | null>(null);
  const webhooks = page.data?.webhooks ?? [];
  const made = (webhook: WithSecret) => {
    setIsAdding(false);
    setShown(webhook);
    page.refresh();
  };
  return (
    <section class="panel" aria-labelledby="webhooks-title">
      <div class="section-head">
        <h2 id="webhooks-title">Webhooks</h2>
        <button type="button" class="button small" onClick={() => setIsAdding(true)}>
          Add a webhook
        </button>
      </div>
      {page.problem ? <ProblemNotice problem={page.problem} /> : <></>}
      {page.data && webhooks.length === 0 ? (
        <Empty
          title="No webhooks"
          text="Add an endpoint of your shop, and it is told of every order, payment and sold-out item."
        />
      ) : (
        <ul class="letters">
          {webhooks.map((webhook) => (
            <WebhookRow
              key={webhook.id}
              webhook={webhook}
              onSecret={setShown}
              onChanged={page.refresh}
            />
          ))}
        </ul>
      )}
      {isAdding ? <AddDialog onClose={() => setIsAdding(false)} onMade={made} /> : <></>}
      {shown ? <SecretDialog webhook={shown} onClose={() => setShown(null)} /> : <></>}
    </section>
  );
}

interface AddDialogProps {
  onClose: () => void;
  onMade: (webhook: WithSecret) => void;
}

function AddDialog({ onClose, onMade }: AddDialogProps) {
  const submit = async (data: FormData) => {
    const types = TYPES.filter((type) => data.get(type) !== null);
    onMade(await addWebhook({ url: textOf(data, "url"), types }));
  };
  return (
    <Dialog title="Add a webhook" onClose={onClose}>
      <Form action="Add" onSubmit={submit} onCancel={onClose}>
        <Field label="Address" hint="https" name="url" type="url" required autofocus />
        <fieldset class="checks">
          <legend>It is told of</legend>
          {TYPES.map((type) => (
            <label key={type}>
              <input type="checkbox" name={type} defaultChecked /> <code>{type}</code>
            </label>
          ))}
        </fieldset>
      </Form>
    </Dialog>
  );
}

/** The only time that the secret is shown. */
function SecretDialog({ webhook, onClose }: { webhook: WithSecret; onClose: () => void }) {
  return (
    <Dialog title="The webhook's secret" onClose={onClose}>
      <p>
        Copy it now: it is not shown again. Your endpoint verifies <code>webhook-signature</code>{" "}
        with it.
      </p>
      <Field label="Secret" name="secret" initial={webhook.secret} readonly />
      <div class="dialog-actions">
        <button type="button" class="button primary" onClick={onClose}>
          I have it
        </button>
      </div>
    </Dialog>
  );
}
