# Asks how far a message has come: GET /status/{message_ref_no}.
# Run: WACHAT_API_KEY=... WACHAT_REF_NO=... ruby status.rb
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
url = "#{base.chomp('/')}/wachat_api/1.0/status/#{ERB::Util.url_encode(setting('WACHAT_REF_NO'))}"

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
