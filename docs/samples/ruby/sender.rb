# Asks how many messages a gateway sent today, and its daily limit: GET /sender/{sender}.
# Run: WACHAT_API_KEY=... WACHAT_SENDER=628... ruby sender.rb
require 'erb'
require 'json'
require 'rest-client'

def setting(name)
  value = ENV.fetch(name, '')
  return value unless value.empty?

  warn "#{name} is not set"
  exit 2
end

base = ENV.fetch('WACHAT_URL', '')
base = 'http://127.0.0.1:8080' if base.empty?
headers = { 'APIKey' => setting('WACHAT_API_KEY') }
url = "#{base.chomp('/')}/wachat_api/1.0/sender/#{ERB::Util.url_encode(setting('WACHAT_SENDER'))}"

begin
  # With a block, every status is an answer; without one, rest-client raises.
  answer = RestClient::Request.execute(method: :get, url: url, headers: headers, timeout: 10) { |response| response }
rescue StandardError => e
  abort "no answer: #{e.message}"
end

begin
  envelope = JSON.parse(answer.body)
  refused, message = envelope.fetch_values('error', 'message')
rescue JSON::ParserError, KeyError, NoMethodError
  abort "#{answer.code}: the answer is not one of this API"
end
abort "#{answer.code}: #{message}" if refused || answer.code >= 300
puts answer.body
