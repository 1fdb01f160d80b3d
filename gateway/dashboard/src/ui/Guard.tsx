import { Component, type ReactNode } from "react";
import i18next from "i18next";

/** A page that fails says so in its own place; header, alarms and the way to other pages stay. */
export class Guard extends Component<{ children: ReactNode }, { failure: string | null }> {
  override state: { failure: string | null } = { failure: null };

  static getDerivedStateFromError(error: unknown): { failure: string } {
    return { failure: String(error) };
  }

  override render(): ReactNode {
    if (this.state.failure === null) return this.props.children;
    return (
      <section className="panel message" role="alert">
        <h1>{i18next.t("broken.title")}</h1>
        <p>{i18next.t("broken.text")}</p>
        <pre>{this.state.failure}</pre>
        <p>
          <button type="button" className="button" onClick={() => location.reload()}>
            {i18next.t("broken.reload")}
          </button>
        </p>
      </section>
    );
  }
}
