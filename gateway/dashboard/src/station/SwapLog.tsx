import { memo } from "react";
import { useTranslation } from "react-i18next";
import { moment, percent, UNKNOWN } from "../i18n/format";
import { useZone } from "../state/zone";
import { CsvButton } from "../ui/CsvButton";
import type { CsvColumn } from "../ui/csv";
import { useSwaps, type Swap } from "./useSwaps";

const COLUMNS: readonly CsvColumn[] = [
  { name: "time", time: true },
  ...["kind", "slot", "pack_out", "soc_out", "pack_in", "soc_in"].map((name) => ({ name })),
];

/** Every swap of the station, and every rider who left without a pack. */
export const SwapLog = memo(function SwapLog({ station }: { station: string }) {
  const { t } = useTranslation("station");
  const swaps = useSwaps(station);
  return (
    <section className="panel swaps" aria-labelledby="swaps">
      <header>
        <h2 id="swaps">{t("swaps.title")}</h2>
        <CsvButton
          name={`${station}-swaps`}
          what={t("swaps.title")}
          columns={COLUMNS}
          rows={() =>
            (swaps ?? []).map((swap) => [
              swap.time,
              swap.kind,
              swap.slot,
              swap.pack_out,
              swap.soc_out,
              swap.pack_in,
              swap.soc_in,
            ])
          }
        />
      </header>
      {swaps === undefined ? (
        <p className="empty">{t("swaps.waiting")}</p>
      ) : swaps.length === 0 ? (
        <p className="empty">{t("swaps.none")}</p>
      ) : (
        <div className="scroll" tabIndex={0} role="region" aria-label={t("swaps.title")}>
          <table className="numbers">
            <thead>
              <tr>
                <th scope="col">{t("swaps.time")}</th>
                <th scope="col">{t("swaps.what")}</th>
                <th scope="col" className="right">
                  {t("swaps.slot")}
                </th>
                <th scope="col">{t("swaps.out")}</th>
                <th scope="col">{t("swaps.in")}</th>
              </tr>
            </thead>
            <tbody>
              {swaps.map((swap) => (
                <Row key={swap.number} swap={swap} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
});

function Row({ swap }: { swap: Swap }) {
  const { t } = useTranslation("station");
  const { zone } = useZone();
  return (
    <tr data-kind={swap.kind}>
      <th scope="row">{moment(swap.time, zone)}</th>
      <td>{t(swap.kind === "swap" || swap.kind === "lost" ? `swaps.kind.${swap.kind}` : "swaps.kind.other", { kind: swap.kind })}</td>
      <td className="right">{swap.slot ?? UNKNOWN}</td>
      <td>
        <Pack id={swap.pack_out} soc={swap.soc_out} />
      </td>
      <td>
        <Pack id={swap.pack_in} soc={swap.soc_in} />
      </td>
    </tr>
  );
}

function Pack({ id, soc }: { id: string | null; soc: number | null }) {
  if (id === null && soc === null) return UNKNOWN;
  return (
    <>
      {id === null ? UNKNOWN : <span title={id}>…{id.slice(-4)}</span>} <small>{percent(soc)}</small>
    </>
  );
}
