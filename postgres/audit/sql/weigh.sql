-- Bytes of a value with every digit of its numbers; counts no further than `enough`.
CREATE FUNCTION audit.weigh(content jsonb, enough bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  -- A stored value is compressed; this one is not.
  plain CONSTANT jsonb := content #> '{}';
  -- Numbers whose digits are counted at a time: 34 MB of text at most.
  slice CONSTANT int := 256;
  weight bigint := pg_column_size(plain);
  numbers jsonb;
BEGIN
  IF weight > enough THEN RETURN weight; END IF;
  -- Nested deeper than what is recorded as it is.
  IF jsonb_path_exists(plain, 'strict $.**{100}') THEN RETURN 1::bigint << 40; END IF;
  numbers := jsonb_path_query_array(plain, 'strict $.** ? (@.type() == "number")');
  FOR begins IN 0 .. coalesce(jsonb_array_length(numbers), 0) - 1 BY slice LOOP
    weight := weight + octet_length(jsonb_path_query_array(numbers, '$[$from to $to]', jsonb_build_object('from', begins, 'to', begins + slice - 1))::text);
    EXIT WHEN weight > enough;
  END LOOP;
  RETURN weight;
END
$$;
