/** The sample's rows: the same at every run, and with what such databases hold: accents, other scripts, emoji, NULL, nested JSON, old dates. */

export interface User {
  id: string;
  email: string;
  name: string | null;
  role: string;
  createdAt: Date;
  updatedAt: Date;
}

export interface Student {
  id: string;
  userId: string;
  name: string;
  birthDate: Date | null;
  location: string | null;
  language: string;
  active: boolean;
  preferences: object;
  createdAt: Date;
  updatedAt: Date;
}

export interface CompletedLesson {
  id: string;
  studentId: string;
  lessonId: string;
  minutes: number;
  score: number | null;
  completedAt: Date;
}

export interface Assessment {
  id: string;
  studentId: string;
  subject: string;
  score: number;
  passed: boolean;
  /** Undefined is SQL's NULL. */
  answers: object | undefined;
  takenAt: Date;
}

export interface SampleRows {
  user: User[];
  student: Student[];
  completedLesson: CompletedLesson[];
  assessment: Assessment[];
}

const COUNTS = { user: 60, student: 150, completedLesson: 2400, assessment: 700 } as const;

const DAY_MS = 86_400_000;
const BEGIN = Date.UTC(2023, 8, 1);
const END = Date.UTC(2025, 6, 1);

const GIVEN = [
  'Lucía',
  'Mateo',
  'Zoë',
  'Iñaki',
  'Renée',
  'Søren',
  'Ayşe',
  'José',
  'Nayra',
  'Tadeáš',
  '美咲',
  'Ольга',
  'Siân',
  'Björk',
  'Đức',
  'Amaru',
];
const FAMILY = [
  'Quispe',
  'Núñez',
  'García Márquez',
  'O’Brien',
  'Muñoz',
  'Ibáñez',
  'Huamán',
  'Łukasik',
  'Öztürk',
  '佐藤',
  'Nguyễn',
  'd’Ávila',
];
const LOCATIONS = [
  'Lima',
  'Cusco',
  'Bogotá',
  'Medellín',
  'Ciudad de México',
  'San José',
  'Asunción',
  'Montréal',
  'Zürich',
  '東京',
];
const LANGUAGES = ['es', 'es', 'es', 'en', 'qu', 'pt', 'fr'];
const SUBJECTS = ['matemáticas', 'lectura', 'ciencias', 'historia', 'reading, "aloud"'];
const REMARKS = ['¡Muy bien! 🎉', 'Needs more time\non fractions', 'tab\there', 'C:\\lessons\\7', '👩🏽‍🏫 ayudó', '—'];

export function sampleRows(): SampleRows {
  const random = new Random(20_250_101);
  const user = times(COUNTS.user, (at): User => {
    const createdAt = random.time(BEGIN, BEGIN + 90 * DAY_MS);
    const name = `${random.of(GIVEN)} ${random.of(FAMILY)}`;
    return {
      id: random.key(),
      email: `sample${at + 1}@example.org`,
      name: at % 10 === 9 ? null : name,
      role: at < 2 ? 'admin' : at < 12 ? 'teacher' : 'parent',
      createdAt,
      updatedAt: random.time(createdAt.getTime(), END),
    };
  });
  const student = times(COUNTS.student, (at): Student => {
    const guardian = random.of(user);
    const createdAt = random.time(guardian.createdAt.getTime(), BEGIN + 180 * DAY_MS);
    return {
      id: random.key(),
      userId: guardian.id,
      name: `${random.of(GIVEN)} ${random.of(FAMILY)}`,
      // Grown-up learners too: dates before 1970.
      birthDate:
        at % 9 === 8
          ? null
          : new Date(Date.UTC(at % 25 === 0 ? 1958 : 2009 + (at % 9), random.below(12), 1 + random.below(28))),
      location: at % 7 === 6 ? null : random.of(LOCATIONS),
      language: random.of(LANGUAGES),
      active: at % 11 !== 10,
      preferences: preferences(random, at),
      createdAt,
      updatedAt: random.time(createdAt.getTime(), END),
    };
  });
  const completedLesson = times(COUNTS.completedLesson, (): CompletedLesson => {
    const learner = random.of(student);
    return {
      id: random.key(),
      studentId: learner.id,
      lessonId: `lesson-${1 + random.below(180)}`,
      minutes: random.below(75),
      score: random.below(6) === 0 ? null : random.below(101),
      completedAt: random.time(learner.createdAt.getTime(), END),
    };
  });
  const assessment = times(COUNTS.assessment, (): Assessment => {
    const learner = random.of(student);
    const score = random.below(4) === 0 ? random.below(101) : random.below(1_000_000) / 9999;
    return {
      id: random.key(),
      studentId: learner.id,
      subject: random.of(SUBJECTS),
      score,
      passed: score >= 60,
      answers: random.below(5) === 0 ? undefined : answers(random),
      takenAt: random.time(learner.createdAt.getTime(), END),
    };
  });
  return { user, student, completedLesson, assessment };
}

function preferences(random: Random, at: number): object {
  if (at % 4 === 3) return {};
  return {
    theme: random.of(['dark', 'light', 'alto contraste']),
    captions: at % 2 === 0,
    speed: random.of([0.75, 1, 1.25, 1.5]),
    reader: at % 5 === 0 ? { voice: 'español', rate: 0.9, skip: ['🖼️', 'notas'] } : null,
  };
}

const answers = (random: Random): object => ({
  items: times(2 + random.below(5), (at) => ({
    q: at + 1,
    correct: random.below(3) > 0,
    seconds: random.below(900) / 10,
  })),
  remark: random.below(3) === 0 ? random.of(REMARKS) : null,
});

const times = <T>(count: number, make: (at: number) => T): T[] => Array.from({ length: count }, (_, at) => make(at));

/** Mulberry32: small, and the same everywhere. */
class Random {
  constructor(private state: number) {}

  below(limit: number): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }

  of<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T;
  }

  /** Of a cuid's form. */
  key(): string {
    return `c${times(24, () => this.below(36).toString(36)).join('')}`;
  }

  time(from: number, to: number): Date {
    return new Date(from + this.below(Math.max(1, Math.floor((to - from) / 1000))) * 1000 + this.below(1000));
  }
}
