# Queues a picture with a caption: POST /media.
# Run: WACHAT_API_KEY=... WACHAT_DEVICE_ID=... WACHAT_DESTINATION=628... ruby media.rb
require 'json'
require 'rest-client'
require 'securerandom'

PNG = 'iVBORw0KGgoAAAANSUhEUgAAABAAAAAQAQMAAAAlPW0iAAAAA1BMVEUl02aXOOtgAAAADElEQVR42mNgIA0AAAAwAAEodEl9AAAAAElFTkSuQmCC'

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
  'caption' => "A green square 🟩\nThis is the second line.",
  # A file of yours: Base64.strict_encode64(File.binread('photo.jpg')), with require 'base64'
  'media_base64' => PNG,
  'file_name' => 'square.png'
}
request = { method: :post, url: "#{base.chomp('/')}/wachat_api/1.0/media", headers: headers, payload: fields.to_json }

attempt = 1
begin
  # With a block, every status is an answer; without one, rest-client raises.
  answer = RestClient::Request.execute(timeout: 60, **request) { |response| response }
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
