/** One of several values, chosen from a list. */
export function Choice<Value extends string>({
  label,
  value,
  options,
  onChoice,
}: {
  label: string;
  value: Value;
  options: Readonly<Record<Value, string>>;
  onChoice: (value: Value) => void;
}) {
  return (
    <select
      aria-label={label}
      value={value}
      onChange={({ currentTarget }) => onChoice(currentTarget.value as Value)}
    >
      {Object.entries<string>(options).map(([each, text]) => (
        <option key={each} value={each}>
          {text}
        </option>
      ))}
    </select>
  );
}
