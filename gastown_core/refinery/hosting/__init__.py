"""Pull requests at the place that hosts a repository: what one is (``pull_request``), and who opens and follows it.

GitHub is asked through ``gh`` where that is installed (``gh``), else through its REST API (``github_api``); Bitbucket through
its own (``bitbucket_api``).  ``choose`` picks one.
"""
