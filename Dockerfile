# Gas Town with tmux, git and the dashboard; agents' programs are installed on top (docs/INSTALLING.md).
# The steps are a script, which CI runs without Docker too.
FROM python:3.13-slim-trixie AS build
WORKDIR /src
COPY . .
RUN sh packages/docker/build.sh /opt/gastown

FROM python:3.13-slim-trixie
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends bash ca-certificates curl gh git less openssh-client procps tini tmux zsh \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/gastown /opt/gastown
COPY packages/docker/entry.sh /usr/local/bin/gastown-entry
RUN useradd --create-home --shell /bin/zsh --uid 1000 town && mkdir /gt /code && chown town:town /gt /code
ENV PATH=/opt/gastown/bin:$PATH GT_TOWN_ROOT=/gt LANG=C.UTF-8
USER 1000
WORKDIR /gt
VOLUME ["/gt", "/home/town"]
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s CMD ["/usr/local/bin/gastown-entry", "healthy"]
ENTRYPOINT ["tini", "--", "/usr/local/bin/gastown-entry"]
CMD ["serve"]
