import type { Case } from "./platform.ts";

export const SOCKET_CASES: readonly Case[] = [
  {
    name: "messages, the attachment, and the answer that does not wake",
    run: async ({ connect, sleep }, id) => {
      const client = await connect(id);
      client.send("hello");
      await sleep(1_000);
      client.send("ping");
      await sleep(1_000);
      return client.heard;
    },
    expected: ["open 1", 'hello {"since":1}', "pong"],
  },
  {
    name: "the client closes",
    run: async ({ connect, probe, sleep }, id) => {
      const client = await connect(id);
      await sleep(500);
      client.close(1000);
      await sleep(1_500);
      return {
        heard: client.heard,
        closes: await probe(id).closes(),
        ...(await probe(id).sockets()),
      };
    },
    expected: {
      heard: ["open 1", "closed 1000 "],
      closes: [{ code: 1000, reason: "", wasClean: true, readyState: 2, before: 0, error: "none" }],
      left: 0,
      afterClose: null,
    },
  },
  {
    name: "the object closes",
    run: async ({ connect, probe, sleep }, id) => {
      const client = await connect(id);
      client.send("close 4001");
      await sleep(2_000);
      return {
        heard: client.heard,
        closes: await probe(id).closes(),
        ...(await probe(id).sockets()),
      };
    },
    expected: {
      heard: ["open 1", "closed 4001 as told"],
      closes: [
        { code: 4001, reason: "as told", wasClean: true, readyState: 3, before: 0, error: "none" },
      ],
      left: 0,
      afterClose: 2,
    },
  },
  {
    name: "when the runtime last answered for the object",
    run: async ({ connect, sleep }, id) => {
      const client = await connect(id);
      for (const text of ["sign", "ping", "sign", "sign", "hello", "sign", "ping", "sign"]) {
        client.send(text);
        await sleep(300);
      }
      return client.heard.filter((text) => text.startsWith("sign"));
    },
    expected: ["sign none", "sign new", "sign known", "sign known", "sign new"],
  },
  {
    name: "the object aborts itself",
    run: async ({ connect, probe, sleep }, id) => {
      const clients = [await connect(id), await connect(id)];
      clients[0]?.send("abort");
      await sleep(2_000);
      return {
        heard: clients.map(({ heard }) => heard.map((text) => text.slice(0, 11))),
        closes: await probe(id).closes(),
        left: (await probe(id).sockets()).left,
      };
    },
    expected: {
      heard: [
        ["open 1", "closed 1006"],
        ["open 2", "closed 1006"],
      ],
      closes: ["none, for the object was aborted"],
      left: 0,
    },
  },
];
