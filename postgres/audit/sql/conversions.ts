/*
 * to_jsonb asks a type outside the catalog's own whether it has a cast to json, and calls that cast's function. In a recorder it runs
 * as the trail's owner, so whoever owns it could write the trail. Extensions' functions (hstore has one) belong to a superuser.
 */

/** What type `y` (a row of pg_type) is made of, one step down: rows of one column `type`. */
export const MADE_OF = `
    SELECT y.typbasetype AS type WHERE y.typtype = 'd'
    UNION ALL SELECT y.typelem WHERE y.typcategory = 'A'
    UNION ALL SELECT r.rngsubtype FROM pg_catalog.pg_range AS r WHERE y.oid IN (r.rngtypid, r.rngmultitypid)
    UNION ALL SELECT f.atttypid FROM pg_catalog.pg_attribute AS f WHERE f.attrelid = y.typrelid AND y.typtype = 'c' AND f.attnum > 0 AND NOT f.attisdropped`;

/** Casts to json that run code of somebody who is no superuser: source type, function and its owner. Without one there is nothing to look for. */
export const FOREIGN_CASTS = `
    SELECT k.castsource, p.oid::pg_catalog.regprocedure::text AS function, o.rolname::text AS owner
      FROM pg_catalog.pg_cast AS k JOIN pg_catalog.pg_proc AS p ON p.oid = k.castfunc JOIN pg_catalog.pg_roles AS o ON o.oid = p.proowner
     WHERE k.casttarget IN ('pg_catalog.json'::pg_catalog.regtype, 'pg_catalog.jsonb'::pg_catalog.regtype) AND NOT o.rolsuper`;
