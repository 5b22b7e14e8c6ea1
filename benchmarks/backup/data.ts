import type { Client } from 'pg';

/** About 1 GB as COPY writes it at 10; rows like an application's, with text that repeats, random numbers and JSON. */
export async function fill(client: Client, tenths: number): Promise<void> {
  const rows = (each: number): number => Math.max(1, Math.round(each * tenths));
  const [users, lessons, events] = [rows(40_000), rows(350_000), rows(200_000)];
  await client.query(`
    CREATE TABLE "User" (id text PRIMARY KEY, email text, name text, role text, "createdAt" timestamp(3), settings jsonb);
    INSERT INTO "User" SELECT 'ck' || md5(g::text), 'user' || g || '@example.org',
      (ARRAY['Ana', 'Luis', 'María', 'Jorge', 'Elena'])[1 + g % 5] || ' ' || (ARRAY['García', 'Pérez', 'López', 'Ruiz'])[1 + g % 4],
      (ARRAY['STUDENT', 'TEACHER', 'PARENT'])[1 + g % 3], now() - g * interval '37 s', jsonb_build_object('theme', 'dark', 'font', 12 + g % 8)
      FROM generate_series(1, ${users}) AS g;
    CREATE TABLE "Lesson" (id text PRIMARY KEY, "userId" text, score double precision, done boolean, note text, at timestamp(3));
    INSERT INTO "Lesson" SELECT 'cl' || md5('l' || g), 'ck' || md5((1 + g % ${users})::text), random() * 100, g % 3 = 0,
      'Completed exercise ' || g % 977 || ' with ' || (random() * 1000)::int || ' points; ' || repeat('feedback ', g % 6), now() - g * interval '11 s'
      FROM generate_series(1, ${lessons}) AS g;
    CREATE TABLE "Event" (id bigserial PRIMARY KEY, kind text, payload jsonb, at timestamptz);
    INSERT INTO "Event" (kind, payload, at) SELECT (ARRAY['open', 'close', 'answer'])[1 + g % 3],
      jsonb_build_object('student', md5((g % 9999)::text), 'value', random(), 'list', ARRAY[g % 7, g % 11, g % 13]), now() - g * interval '3 s'
      FROM generate_series(1, ${events}) AS g;
    CREATE INDEX ON "Lesson" ("userId");
    CREATE INDEX ON "User" (email);
    ALTER TABLE "Lesson" ADD FOREIGN KEY ("userId") REFERENCES "User"`);
  await client.query('VACUUM ANALYZE');
}
