{
  description = "Gas Town in Python: an operations console and engine for towns of AI coding agents";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs = { self, nixpkgs }:
    let
      systems = [ "x86_64-linux" "aarch64-linux" "x86_64-darwin" "aarch64-darwin" ];
      forAll = make: nixpkgs.lib.genAttrs systems (system: make nixpkgs.legacyPackages.${system});
      version = builtins.head (builtins.match ".*__version__ = \"([^\"]+)\".*" (builtins.readFile ./gastown_core/__init__.py));
    in
    {
      packages = forAll (pkgs:
        let python = pkgs.python3Packages; in {
          default = python.buildPythonApplication {
            pname = "gastown-tui";
            inherit version;
            pyproject = true;
            src = self;
            build-system = [ python.hatchling ];
            dependencies = with python; [
              textual rich libtmux watchfiles orjson gitpython psutil cronsim unidiff
              starlette uvicorn jinja2 python-multipart
            ] ++ pkgs.lib.optional pkgs.stdenv.isLinux asyncinotify;
            # nixpkgs may be behind or ahead of the pins in pyproject.toml
            pythonRelaxDeps = true;
            pythonRemoveDeps = [ "django-js-lib-htmx" ];
            makeWrapperArgs = [ "--suffix PATH : ${pkgs.lib.makeBinPath [ pkgs.git pkgs.tmux ]}" ];
            doCheck = false;
          };
        });
      devShells = forAll (pkgs: {
        default = pkgs.mkShell { packages = [ pkgs.python3 pkgs.git pkgs.tmux pkgs.gnumake pkgs.uv ]; };
      });
    };
}
