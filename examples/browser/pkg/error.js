// Why something failed.

/** As `index.d.ts` says. */
export class OidcError extends Error {
  constructor({ code, message, hint = "", recovery = "fix_configuration", retryAfter = null, isOver = false }) {
    super(message);
    this.name = "OidcError";
    this.code = code;
    this.hint = hint;
    this.recovery = recovery;
    this.retryAfter = retryAfter ?? null;
    this.isOver = isOver;
  }
}

/** What the module throws is an object in JSON. Anything else passes. */
export function translated(thrown) {
  if (typeof thrown !== "string") return thrown;
  try {
    const parts = JSON.parse(thrown);
    return new OidcError(parts.isOver ? { ...parts, recovery: "log_in_again" } : parts);
  } catch {
    return new OidcError({ code: "page.module", message: thrown });
  }
}
