import { Suspense, useEffect } from "react";
import { useTranslation } from "react-i18next";
import { match } from "./routes";
import { useLive } from "./state/live";
import { usePath } from "./state/route";
import { AlarmBar } from "./ui/AlarmBar";
import { Guard } from "./ui/Guard";
import { Header } from "./ui/Header";
import { Link } from "./ui/Link";
import { LinkStrip } from "./ui/LinkStrip";

export function App() {
  const { i18n } = useTranslation();
  const path = usePath();
  const link = useLive((live) => live.link.phase);
  const everLive = useLive((live) => live.everLive);
  const emulated = useLive((live) => live.health?.emulated ?? false);
  useEffect(() => {
    document.documentElement.lang = i18n.language;
  }, [i18n.language]);
  // On a new page the reader starts at its head; a page that was opened directly keeps the browser's own focus.
  useEffect(() => {
    if (everLive) window.scrollTo(0, 0);
  }, [path]);
  const found = match(path);
  return (
    // Small parts and formats read the language without a hook, many times a second: a new one draws everything anew.
    <div className="app" key={i18n.language} data-offline={everLive && link !== "live"} data-emulated={emulated}>
      <Header />
      <LinkStrip />
      <AlarmBar />
      <main id="main" tabIndex={-1}>
        <Guard key={path}>
          <Suspense>{found === null ? <Missing /> : <found.page key={path} {...found.parameters} />}</Suspense>
        </Guard>
      </main>
    </div>
  );
}

function Missing() {
  const { t } = useTranslation();
  return (
    <section className="panel message">
      <h1>{t("missing.title")}</h1>
      <p>
        {t("missing.text")} <Link to="/">{t("missing.network")}</Link>.
      </p>
    </section>
  );
}
