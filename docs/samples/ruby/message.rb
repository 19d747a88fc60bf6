# Queues a text message: POST /message.
# Run: WACHAT_API_KEY=... WACHAT_DEVICE_ID=... WACHAT_DESTINATION=628... ruby message.rb
require 'json'
require 'rest-client'
require 'securerandom'

def setting(name)
  value = ENV.fetch(name, '')
  return value unless value.empty?

  warn "#{name} is not set"
  exit 2
end

base = ENV.fetch('WACHAT_URL', '')
base = 'http://127.0.0.1:8080' if base.empty?
headers = {
  'APIKey' => setting('WACHAT_API_KEY'),
  'Content-Type' => 'application/json',
  # One key for all tries: a repeat of a request that did arrive sends nothing twice.
  'Idempotency-Key' => SecureRandom.uuid
}
fields = {
  'queue' => setting('WACHAT_DEVICE_ID'),
  'destination' => setting('WACHAT_DESTINATION'),
  'message' => "Hello from wachat 👋\nThis is the second line."
}
request = { method: :post, url: "#{base.chomp('/')}/wachat_api/1.0/message", headers: headers, payload: fields.to_json }

attempt = 1
begin
  # With a block, every status is an answer; without one, rest-client raises.
  answer = RestClient::Request.execute(timeout: 10, **request) { |response| response }
rescue StandardError => e
  abort "no answer: #{e.message}" if attempt == 3
  attempt += 1
  sleep 2
  retry
end

begin
  envelope = JSON.parse(answer.body)
  refused, message = envelope.fetch_values('error', 'message')
rescue JSON::ParserError, KeyError, NoMethodError
  abort "#{answer.code}: the answer is not one of this API"
end
abort "#{answer.code}: #{message}" if refused || answer.code >= 300
puts answer.body
