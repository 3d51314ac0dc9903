// Uploads a file with the official JavaScript client and prints what became of it as JSON.
// node upload.cjs '{"endpoint": …, "key": …, "path": …, "metadata": {…}, "options": {…}, "abortAfter": bytes?}'
// `tus-js-client` is looked for as NODE_PATH says.
const fs = require('node:fs')
const { PassThrough } = require('node:stream')
const tus = require('tus-js-client')

const { endpoint, key, path, metadata, options = {}, abortAfter } = JSON.parse(process.argv[2])
const requests = []
let fileId

// A stream whose length it cannot look up, where it is not to say one.
const file = fs.createReadStream(path)
const source = options.uploadLengthDeferred ? file.pipe(new PassThrough()) : file

const upload = new tus.Upload(source, {
  endpoint,
  metadata,
  headers: { Authorization: `Bearer ${key}` },
  retryDelays: [0, 50, 100, 200, 400],
  ...options,
  onAfterResponse(request, response) {
    requests.push([request.getMethod(), response.getStatus()])
    fileId = response.getHeader('X-File-Id') ?? fileId
  },
  onChunkComplete(_size, accepted) {
    if (abortAfter !== undefined && accepted >= abortAfter) {
      upload.abort().then(tell)
    }
  },
  onSuccess: tell,
  onError(error) {
    console.error(error.message)
    process.exit(1)
  },
})

function tell() {
  console.log(JSON.stringify({ url: upload.url, fileId, requests }))
  process.exit(0)
}

upload.start()
