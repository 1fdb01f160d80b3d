import type { ReactNode } from "react";
import { go } from "../state/route";

interface Props {
  to: string;
  className?: string;
  /** Whether it leads to where one already is. */
  current?: boolean;
  /** Its name, where that is not what it shows. */
  label?: string;
  children: ReactNode;
}

/** A link inside the app: a real address, followed without loading the page again. */
export function Link({ to, className, current, label, children }: Props) {
  return (
    <a
      href={to}
      {...(className && { className })}
      {...(label && { "aria-label": label })}
      {...(current && { "aria-current": "page" as const })}
      onClick={(event) => {
        if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
        event.preventDefault();
        go(to);
      }}
    >
      {children}
    </a>
  );
}
