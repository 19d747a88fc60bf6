<?php
// Runs the Laravel receiver of the samples without Laravel: stands in for the few parts of it that the controller uses, and
// keeps what it would insert in the file that the story reads. Run by `php -S`.
declare(strict_types=1);

namespace Illuminate\Http {
    final class Request
    {
        public function getContent(): string
        {
            return file_get_contents('php://input');
        }

        public function header(string $name, string $default): string
        {
            return $_SERVER['HTTP_' . strtoupper(strtr($name, '-', '_'))] ?? $default;
        }
    }

    final class Response
    {
        public function __construct(public readonly string $text, public readonly int $status)
        {
        }
    }
}

namespace Illuminate\Support\Facades {
    final class DB
    {
        public static function table(string $name): self
        {
            return new self();
        }

        private string $id = '';

        public function where(string $column, string $value): self
        {
            $this->id = $value;
            return $this;
        }

        public function whereRaw(string $condition): self
        {
            return $this;
        }

        /** Writes the row again where the one with its id is not complete, as the condition says. */
        public function update(array $row): int
        {
            $inbox = fopen(getenv('WACHAT_INBOX'), 'a+b');
            flock($inbox, LOCK_EX);
            $lines = array_filter(explode("\n", stream_get_contents($inbox, -1, 0)));
            $rows = array_map(fn (string $line): array => json_decode($line, true), $lines);
            $known = array_filter($rows, fn (array $known): bool => $known['id'] === $this->id);
            $last = end($known);
            if (!$last || ($last['media_pending'] !== 'true' && $last['type'] !== 'unreadable')) {
                return 0;
            }
            fwrite($inbox, json_encode($row, JSON_UNESCAPED_UNICODE | JSON_THROW_ON_ERROR) . "\n");
            return 1;
        }

        public function insertOrIgnore(array $row): int
        {
            $inbox = fopen(getenv('WACHAT_INBOX'), 'a+b');
            flock($inbox, LOCK_EX);
            foreach (explode("\n", stream_get_contents($inbox, -1, 0)) as $line) {
                if ($line !== '' && json_decode($line, true)['id'] === $row['id']) {
                    return 0;
                }
            }
            fwrite($inbox, json_encode($row, JSON_UNESCAPED_UNICODE | JSON_THROW_ON_ERROR) . "\n");
            return 1;
        }
    }
}

namespace {
    function config(string $name): ?string
    {
        return $name === 'services.wachat.push_secret' ? getenv('WACHAT_PUSH_SECRET') : null;
    }

    function response(string $text, int $status = 200): Illuminate\Http\Response
    {
        return new Illuminate\Http\Response($text, $status);
    }

    $samples = __DIR__ . '/../../../docs/samples/push/laravel';
    require "$samples/WachatSignature.php";
    require "$samples/WachatController.php";
    $answer = (new App\Http\Controllers\WachatController())(new Illuminate\Http\Request());
    http_response_code($answer->status);
    echo $answer->text;
}
