import Database from 'libsql';

/** Of 1,000 rows: how many each table has. */
const SHARES = { User: 20, Student: 40, CompletedLesson: 550, Assessment: 390 } as const;

/** As Prisma's migrations for SQLite make them. */
const SCHEMA = `
CREATE TABLE "User" ("id" TEXT NOT NULL PRIMARY KEY, "email" TEXT NOT NULL, "name" TEXT, "role" TEXT NOT NULL DEFAULT 'student', "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP, "updatedAt" DATETIME NOT NULL);
CREATE TABLE "Student" ("id" TEXT NOT NULL PRIMARY KEY, "userId" TEXT NOT NULL, "name" TEXT NOT NULL, "birthDate" DATETIME, "location" TEXT, "language" TEXT NOT NULL DEFAULT 'es', "active" BOOLEAN NOT NULL DEFAULT true, "preferences" JSONB NOT NULL DEFAULT '{}', "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP, "updatedAt" DATETIME NOT NULL, CONSTRAINT "Student_userId_fkey" FOREIGN KEY ("userId") REFERENCES "User" ("id") ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE "CompletedLesson" ("id" TEXT NOT NULL PRIMARY KEY, "studentId" TEXT NOT NULL, "lessonId" TEXT NOT NULL, "minutes" INTEGER NOT NULL DEFAULT 0, "score" INTEGER, "completedAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP, CONSTRAINT "CompletedLesson_studentId_fkey" FOREIGN KEY ("studentId") REFERENCES "Student" ("id") ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE "Assessment" ("id" TEXT NOT NULL PRIMARY KEY, "studentId" TEXT NOT NULL, "subject" TEXT NOT NULL, "score" REAL NOT NULL, "passed" BOOLEAN NOT NULL DEFAULT false, "answers" JSONB, "takenAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP, CONSTRAINT "Assessment_studentId_fkey" FOREIGN KEY ("studentId") REFERENCES "Student" ("id") ON DELETE CASCADE ON UPDATE CASCADE);`;

/** The same number always has the same key, in no order, of a cuid's length. */
const key = (number: string): string =>
  `printf('c%08x%08x%08x', (${number}) * 2654435761 % 4294967296, (${number}) * 40503 % 4294967296, ${number})`;

const numbers = (count: number): string =>
  `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})`;

/** Rows of each table, by name. */
export function rowsOf(rows: number): Record<keyof typeof SHARES, number> {
  const [User, Student, CompletedLesson] = [SHARES.User, SHARES.Student, SHARES.CompletedLesson].map((share) =>
    Math.max(1, Math.round((rows * share) / 1000)),
  ) as [number, number, number];
  return { User, Student, CompletedLesson, Assessment: Math.max(1, rows - User - Student - CompletedLesson) };
}

/** Writes the application's four tables with so many rows in all, with the values Prisma's native engine writes. */
export function generate(file: string, rows: number): void {
  const count = rowsOf(rows);
  const database = new Database(file);
  database.exec(`PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; ${SCHEMA}`);
  database.exec(`
    BEGIN;
    ${numbers(count.User)} INSERT INTO "User" SELECT ${key('i')}, 'user' || i || '@example.org', iif(i % 10 = 0, NULL, 'Úser ' || i), iif(i % 3 = 0, 'teacher', 'student'),
      1735689600000 + i * 977 % 31536000000, 1735689600000 + i * 1009 % 31536000000 FROM n;
    ${numbers(count.Student)} INSERT INTO "Student" SELECT ${key('i')}, ${key(`i % ${count.User} + 1`)}, 'Student ' || i, iif(i % 5 = 0, NULL, 86400000 * (14000 + i % 3000)),
      iif(i % 4 = 0, NULL, 'City ' || (i % 500)), iif(i % 2 = 0, 'es', 'en'), i % 7 <> 0, '{"theme":"' || iif(i % 2 = 0, 'dark', 'light') || '","captions":true,"speed":' || (i % 3) || '}',
      1735689600000 + i * 7919 % 31536000000, 1735689600000 + i * 6007 % 31536000000 FROM n;
    ${numbers(count.CompletedLesson)} INSERT INTO "CompletedLesson" SELECT ${key('i')}, ${key(`i * 7919 % ${count.Student} + 1`)}, 'lesson-' || (i % 300), i % 90, iif(i % 6 = 0, NULL, i % 101),
      1735689600000 + i * 4001 % 31536000000 FROM n;
    ${numbers(count.Assessment)} INSERT INTO "Assessment" SELECT ${key('i')}, ${key(`i * 6007 % ${count.Student} + 1`)}, iif(i % 5 = 0, 'reading, "aloud"', 'arithmetic'), (i * 2654435761 % 4294967296) / 42949672.96,
      i % 3 <> 0, iif(i % 4 = 0, NULL, '{"answers":[' || (i % 5) || ',' || (i % 7) || '],"seconds":' || (i % 600) || '.5}'), 1735689600000 + i * 3001 % 31536000000 FROM n;
    COMMIT;`);
  database.exec('PRAGMA journal_mode = DELETE');
  database.close();
}
