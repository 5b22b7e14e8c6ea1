CREATE FUNCTION audit.hash_row() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  NEW.hash := /*=digestOfNew*/ (NULL);
  RETURN NEW;
END
$$;
