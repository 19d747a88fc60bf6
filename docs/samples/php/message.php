<?php
// Queues a text message: POST /message.
// Run: WACHAT_API_KEY=... WACHAT_DEVICE_ID=... WACHAT_DESTINATION=628... php message.php
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
$headers = [
    'APIKey: ' . setting('WACHAT_API_KEY'),
    'Content-Type: application/json',
    // One key for all tries: a repeat of a request that did arrive sends nothing twice.
    'Idempotency-Key: ' . bin2hex(random_bytes(16)),
];
$fields = [
    'queue' => setting('WACHAT_DEVICE_ID'),
    'destination' => setting('WACHAT_DESTINATION'),
    'message' => "Hello from wachat 👋\nThis is the second line.",
];
$curl = curl_init("$api/message");
curl_setopt_array($curl, [
    CURLOPT_HTTPHEADER => $headers,
    CURLOPT_POSTFIELDS => json_encode($fields, JSON_THROW_ON_ERROR),
    CURLOPT_RETURNTRANSFER => true,
    CURLOPT_TIMEOUT => 10,
]);
for ($try = 1; ($body = curl_exec($curl)) === false; $try++) {
    $try < 3 || stop(1, 'no answer: ' . curl_error($curl));
    sleep(2);
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
