-- A row or value as it is recorded: what is too large or nested too deep stands there as its size and hash. `keys`: columns of the primary key.
CREATE FUNCTION audit.bounded(content jsonb, keys text[]) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  unchecked CONSTANT int := /*=unchecked*/ 2048;
  largest_value CONSTANT bigint := 1048576;
  -- Where a row's remaining values weigh more together, those above `large_in_large_row` are replaced too.
  largest_row CONSTANT bigint := 8388608;
  large_in_large_row CONSTANT bigint := 4096;
  -- JSON that weighs more is not turned into text, for its SHA-256 either.
  largest_text CONSTANT bigint := 8388608;
  plain CONSTANT jsonb := content #> '{}';
  result jsonb;
  weight_left bigint;
  limit_now bigint;
BEGIN
  IF plain IS NULL OR pg_column_size(plain) <= unchecked THEN RETURN plain; END IF;
  IF audit.weigh(plain, largest_value) <= largest_value
     AND NOT EXISTS (SELECT FROM unnest(keys) AS k WHERE pg_column_size(plain -> k) > unchecked) THEN RETURN plain; END IF;
  FOREACH limit_now IN ARRAY ARRAY[largest_value, large_in_large_row] LOOP
    SELECT jsonb_object_agg(v.key, CASE WHEN NOT v.large THEN v.value
             WHEN jsonb_typeof(v.value) = 'string' OR v.weight <= largest_text THEN to_jsonb(/*=largeValue*/ (NULL::text))
             ELSE to_jsonb(format('[too large: %s bytes, hash %s]', pg_column_size(v.value), to_hex(jsonb_hash_extended(v.value, 0)))) END),
           coalesce(sum(v.weight) FILTER (WHERE NOT v.large), 0)
      INTO result, weight_left
      FROM (SELECT e.key, e.value, w.weight,
                   -- Of a key the replacement may not depend on the rest of the row: with it the row is found.
                   CASE WHEN e.key = ANY (keys) THEN pg_column_size(e.value) > unchecked ELSE w.weight > limit_now END AS large
              FROM jsonb_each(plain) AS e, LATERAL (SELECT audit.weigh(e.value, largest_text) AS weight) AS w) AS v;
    EXIT WHEN weight_left <= largest_row;
  END LOOP;
  RETURN result;
END
$$;
