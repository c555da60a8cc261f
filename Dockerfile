# syntax=docker/dockerfile:1

# Crosscheck alone in an image. A client needs its own surroundings, so take the binary into the client's image:
#
#   COPY --from=crosscheck:0.1.0 /usr/local/bin/crosscheck /usr/local/bin/
#
# That image needs glibc 2.36 (Debian 12, Ubuntu 24.04) or newer.

FROM rust:1.95-slim-bookworm AS build
WORKDIR /crosscheck
COPY . .
# The caches outlive a change of the sources: only what changed is fetched and built again.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/crosscheck/target,sharing=locked \
    cargo build --release --locked --package crosscheck \
    && cp target/release/crosscheck /usr/local/bin/

# glibc and libgcc, a /tmp, a user without rights, and no shell.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /usr/local/bin/crosscheck /usr/local/bin/
LABEL org.opencontainers.image.title="Crosscheck" \
      org.opencontainers.image.description="Conformance test harness for cross-app access (ID-JAG) clients" \
      org.opencontainers.image.licenses="Apache-2.0 OR MIT"
USER 65532:65532
WORKDIR /home/nonroot
ENTRYPOINT ["/usr/local/bin/crosscheck"]
CMD ["--help"]
