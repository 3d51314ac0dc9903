#!/bin/sh
# Installs the JavaScript client into a folder: tests/tus_js/install.sh FOLDER
# The tests use it with MUNIMENT_TEST_NODE_MODULES=FOLDER/node_modules.
exec npm install --prefix "${1:?a folder}" --no-save --no-audit --no-fund tus-js-client@4.3.1
