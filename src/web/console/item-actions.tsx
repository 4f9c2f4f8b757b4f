import { useState } from "preact/hooks";
import { confirmed } from "../shared/dialog.tsx";
import { asProblem, type LockstockProblem } from "../shared/problem.ts";
import { ItemDialog } from "./item-dialog.tsx";
import { archive, restore, setPaused, type StockedItem } from "./items.ts";
import { LedgerDialog } from "./ledger-dialog.tsx";
import { StockDialog } from "./stock-dialog.tsx";

export type Opened =
  | { type: "create" }
  | { type: "edit" | "restock" | "adjust" | "ledger"; item: StockedItem };

/** What an operator does to an item, from the table or from the item's own view. */
export interface ItemActions {
  onOpen: (opened: Opened) => void;
  /** Archives the item, or restores it. */
  onArchive: (item: StockedItem) => void;
  /** Pauses the item, or resumes it. */
  onPause: (item: StockedItem) => void;
}

/** The actions, the dialog that is open, and why the last action failed. */
export function useItemActions(onChanged: () => void) {
  const [opened, setOpened] = useState<Opened | null>(null);
  const [problem, setProblem] = useState<LockstockProblem | null>(null);
  const change = async (work: () => Promise<void>) => {
    setProblem(null);
    await work().catch((error: unknown) => setProblem(asProblem(error)));
    onChanged();
  };
  const toggleArchived = async (item: StockedItem) => {
    if (item.status === "archived") await restore(item);
    else if (await isArchivingWanted(item)) await archive(item);
  };
  const togglePaused = async (item: StockedItem) => {
    if (item.paused || (await isPausingWanted(item))) await setPaused(item, !item.paused);
  };
  const close = () => setOpened(null);
  const done = () => {
    setOpened(null);
    onChanged();
  };
  const actions: ItemActions = {
    onOpen: setOpened,
    onArchive: (item) => void change(() => toggleArchived(item)),
    onPause: (item) => void change(() => togglePaused(item)),
  };
  return { actions, problem, dialog: <Dialogs opened={opened} onClose={close} onDone={done} /> };
}

interface DialogsProps {
  opened: Opened | null;
  onClose: () => void;
  onDone: () => void;
}

function Dialogs({ opened, onClose, onDone }: DialogsProps) {
  if (!opened) return <></>;
  const handlers = { onClose, onDone };
  switch (opened.type) {
    case "create":
      return <ItemDialog item={null} {...handlers} />;
    case "edit":
      return <ItemDialog item={opened.item} {...handlers} />;
    case "restock":
    case "adjust":
      return <StockDialog item={opened.item} kind={opened.type} {...handlers} />;
    case "ledger":
      return <LedgerDialog item={opened.item} onClose={onClose} />;
  }
}

const isArchivingWanted = ({ name }: StockedItem): Promise<boolean> =>
  confirmed({
    title: `Archive ${name}?`,
    text: "Buyers no longer see it and cannot order it. Its open orders go on. You can restore it.",
    action: "Archive",
  });

const isPausingWanted = ({ name }: StockedItem): Promise<boolean> =>
  confirmed({
    title: `Pause ${name}?`,
    text: "It takes no more orders until you resume it. Open orders can be paid and cancelled as before.",
    action: "Pause",
    keep: "Keep selling",
  });
