#!/usr/bin/ruby
# Ruby's net-pop; POP3S only.
#
# Stores each message with CRLF, as it came.
require 'net/pop'

pop = Net::POP3.new(ENV.fetch('POP3_HOST'), ENV.fetch('POP3_PORT').to_i)
pop.enable_ssl({ verify_mode: OpenSSL::SSL::VERIFY_PEER,
                 ca_file: ENV.fetch('POP3_CA') })
Dir.mkdir('messages')
pop.start(ENV.fetch('POP3_USER'), ENV.fetch('POP3_PASSWORD')) do |session|
  session.each_mail do |mail|
    File.open("messages/#{mail.number}", 'wb') do |file|
      mail.pop { |chunk| file.write(chunk) }
    end
    mail.delete
  end
end
