<#-- The frame of every page: masthead, languages, one column. Works without scripts, but for passkeys. -->
<#macro registrationLayout bodyClass="" displayInfo=false displayMessage=true displayRequiredFields=false>
<!DOCTYPE html>
<html lang="${lang}">
<head>
  <meta charset="utf-8">
  <title><#nested "header"> – ${realm.displayName!''}</title>
  <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
  <meta name="theme-color" content="#12304a">
  <meta name="robots" content="noindex">
  <link rel="icon" href="${url.resourcesPath}/img/mark.svg" type="image/svg+xml">
  <#list (properties.styles!'')?split(' ') as style>
  <link rel="stylesheet" href="${url.resourcesPath}/${style}">
  </#list>
  <script type="importmap">{"imports": {"rfc4648": "${url.resourcesCommonPath}/vendor/rfc4648/rfc4648.js"}}</script>
  <#if scripts??><#list scripts as script>
  <script src="${script}"></script>
  </#list></#if>
</head>
<body data-page-id="login-${pageId}">
  <a class="skip" href="#main">${msg("skipToMain")}</a>
  <header class="masthead">
    <div class="width masthead-row">
      <span class="masthead-name">
        <img src="${url.resourcesPath}/img/mark.svg" alt="" width="36" height="36">
        <span lang="zh-CN">${realm.displayName!''}</span>
      </span>
      <#if realm.internationalizationEnabled && locale.supported?size gt 1>
      <ul class="languages" aria-label="${msg("languages")}">
        <#list locale.supported as l><#if l.languageTag != locale.currentLanguageTag>
        <li><a href="${l.url}" lang="${l.languageTag}" hreflang="${l.languageTag}">${(l.languageTag == "en")?then("English", "中文")}</a></li>
        </#if></#list>
      </ul>
      </#if>
    </div>
  </header>
  <div class="width">
    <main id="main">
      <h1 id="kc-page-title"><#nested "header"></h1>
      <#if client?? && (client.name!'')?has_content && client.name != (realm.displayName!'')>
      <p class="service">${msg("signInTo")} <strong lang="zh-CN">${client.name}</strong></p>
      </#if>
      <#if auth?has_content && auth.showUsername() && !auth.showResetCredentials()>
      <#nested "show-username">
      <p class="who">
        ${msg("username")} <strong id="kc-attempted-username">${auth.attemptedUsername}</strong>
        <a id="reset-login" href="${url.loginRestartFlowUrl}">${msg("restartLoginTooltip")}</a>
      </p>
      </#if>
      <#if displayMessage && message?has_content && (message.type != 'warning' || !isAppInitiatedAction??)>
      <div class="notice notice-${message.type}" role="alert">${kcSanitize(message.summary)?no_esc}</div>
      </#if>
      <#nested "form">
      <#if auth?has_content && auth.showTryAnotherWayLink()>
      <form id="kc-select-try-another-way-form" action="${url.loginAction}" method="post">
        <input type="hidden" name="tryAnotherWay" value="on">
        <button id="try-another-way" class="button button-second" type="submit">${msg("doTryAnotherWay")}</button>
      </form>
      </#if>
      <#nested "socialProviders">
      <#if displayInfo><div id="kc-info"><#nested "info"></div></#if>
    </main>
    <footer>${msg("neverAsks")}</footer>
  </div>
</body>
</html>
</#macro>
