// Items as people know them: by picture and title.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { Card as ItemCard } from "../contract";
import { to } from "../router";

const PLAIN = /^(TITLE|NAME|PRODUCT_NAME|ITEM_NAME|IMAGE|IMAGE_URL|PICTURE|PICTURE_URL|THUMBNAIL|POSTER|CREATION_TIMESTAMP)$/;

export const titleOf = (item: ItemCard): string => item.title ?? item.itemId;

export function aboutOf(item: ItemCard, most = 3): string {
  const pairs = Object.entries(item.columns ?? {}).filter(([name, value]) => !PLAIN.test(name) && value !== null && String(value).length < 60);
  return pairs.slice(0, most).map(([, value]) => String(value).replaceAll("|", ", ")).join(" · ");
}

export function Picture({ item, large }: { item: ItemCard; large?: boolean }) {
  const [broken, setBroken] = useState(false);
  if (!item.picture || broken) return <span class="picture-none" />;
  return <img class={large ? "picture large" : "picture"} src={item.picture} alt="" loading="lazy" referrerpolicy="no-referrer" onError={() => setBroken(true)} />;
}

interface RowProps {
  item: ItemCard;
  place?: number;
  aside?: ComponentChildren;
  children?: ComponentChildren;
  fresh?: boolean;
}

export function ItemRow({ item, place, aside, children, fresh }: RowProps) {
  return (
    <li class={fresh ? "new" : ""} data-item={item.itemId}>
      <span class="place">{place ?? ""}</span>
      <Picture item={item} />
      <span>
        <a class="title" href={to("items", item.itemId)}>
          {titleOf(item)}
        </a>
        <span class="about">{aside ?? aboutOf(item)}</span>
      </span>
      <span class="acts">{children}</span>
    </li>
  );
}

export function ItemRows({ items }: { items: readonly ItemCard[] }) {
  return (
    <ol class="items">
      {items.map((item, number) => (
        <ItemRow key={item.itemId} item={item} place={number + 1} />
      ))}
    </ol>
  );
}
