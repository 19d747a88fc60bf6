<?php
// Asks how many messages a gateway sent today, and its daily limit: GET /sender/{sender}.
// Run: WACHAT_API_KEY=... WACHAT_SENDER=628... php sender.php
declare(strict_types=1);

function stop(int $status, string $message): never
{
    fwrite(STDERR, $message . PHP_EOL);
    exit($status);
}

function setting(string $name): string
{
    return getenv($name) ?: stop(2, "$name is not set");
}

$api = rtrim(getenv('WACHAT_URL') ?: 'http://127.0.0.1:8080', '/') . '/wachat_api/1.0';
$headers = ['APIKey: ' . setting('WACHAT_API_KEY')];
$curl = curl_init("$api/sender/" . rawurlencode(setting('WACHAT_SENDER')));
curl_setopt_array($curl, [
    CURLOPT_HTTPHEADER => $headers,
    CURLOPT_RETURNTRANSFER => true,
    CURLOPT_TIMEOUT => 10,
]);
$body = curl_exec($curl);
if ($body === false) {
    stop(1, 'no answer: ' . curl_error($curl));
}

$status = curl_getinfo($curl, CURLINFO_RESPONSE_CODE);
$envelope = json_decode($body, true);
if (!isset($envelope['error'], $envelope['message'])) {
    stop(1, "$status: the answer is not one of this API");
}
if ($envelope['error'] || $status >= 300) {
    stop(1, "$status: {$envelope['message']}");
}
echo $body, PHP_EOL;
