/** What the gateway said to an order that it did not carry out. */
export class RefusedError extends Error {
  constructor(
    message: string,
    readonly remedy: string,
  ) {
    super(message);
    this.name = "RefusedError";
  }
}

interface ErrorAnswer {
  error?: { message?: string; remedy?: string };
}

/** Ask the gateway to do something; its answer as JSON. Throws `RefusedError` with its own words, or `TypeError`
 * where it cannot be reached. */
export async function order<T>(method: "POST" | "DELETE", path: string, body?: object): Promise<T> {
  const response = await fetch(path, {
    method,
    headers: { Accept: "application/json", ...(body && { "Content-Type": "application/json" }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (response.ok) return (text === "" ? {} : JSON.parse(text)) as T;
  throw refusal(response.status, text);
}

function refusal(status: number, text: string): RefusedError {
  try {
    const { error } = JSON.parse(text) as ErrorAnswer;
    return new RefusedError(error?.message ?? text.slice(0, 200), error?.remedy ?? "");
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return new RefusedError(`${status} ${text.slice(0, 200)}`, ""); // a proxy's page, not the gateway's own words
  }
}
