/** The floor: what the runtime alone costs. It reads the request and answers the same every time. */
export default {
  async fetch(request: Request): Promise<Response> {
    await request.text();
    return Response.json({ status: "ok" }, { status: 202 });
  },
} satisfies ExportedHandler;
